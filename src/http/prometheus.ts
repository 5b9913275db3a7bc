import type { Counter, Registry } from 'prom-client';
import type { NodeMetrics } from './node-metrics.js';

/** Renders metrics in the Prometheus text format. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

const lagSamplingMs = 3_600_000;

type Read = (metrics: NodeMetrics) => number | Readonly<Record<string, number>>;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly read: Read;
  /** The label of a metric that is read as one number for each of its values. */
  readonly label?: string;
}

/** A name that ends in `_total` is a counter, any other a gauge. */
const metrics: readonly Metric[] = [
  { name: 'rondo_members', help: 'Members of the cluster', label: 'state', read: (m) => m.members },
  { name: 'rondo_peer_links', help: 'Links to other nodes', read: (m) => m.links },
  { name: 'rondo_jobs', help: 'Jobs that this node owns', label: 'state', read: (m) => m.jobs },
  { name: 'rondo_queue_length', help: 'Unfinished jobs that this node owns', read: (m) => m.queueLength },
  { name: 'rondo_queue_bytes', help: 'What their arguments take', read: (m) => m.queueBytes },
  {
    name: 'rondo_copies',
    help: 'Jobs that this node holds for other owners',
    label: 'state',
    read: (m) => m.copies,
  },
  { name: 'rondo_copies_bytes', help: 'What these take', read: (m) => m.copyBytes },
  {
    name: 'rondo_journal',
    help: '1 for the state of the journal, 0 for others; a node without one has 0 for all',
    label: 'state',
    read: (m) => m.journal,
  },
  { name: 'rondo_attempts_running', help: 'Attempts running on this node', read: (m) => m.attemptsRunning },
  {
    name: 'rondo_attempts_queued',
    help: 'Attempts waiting for a slot on this node',
    read: (m) => m.attemptsQueued,
  },
  { name: 'rondo_jobs_submitted_total', help: 'Jobs accepted', read: (m) => m.jobsSubmittedTotal },
  { name: 'rondo_jobs_done_total', help: 'Jobs that ended well', read: (m) => m.jobsDoneTotal },
  { name: 'rondo_jobs_failed_total', help: 'Jobs that failed for good', read: (m) => m.jobsFailedTotal },
  { name: 'rondo_jobs_cancelled_total', help: 'Jobs cancelled', read: (m) => m.jobsCancelledTotal },
  {
    name: 'rondo_attempts_retried_total',
    help: 'Attempts that were tried again',
    read: (m) => m.attemptsRetriedTotal,
  },
  { name: 'rondo_threads', help: 'Worker threads', read: (m) => m.threads },
  {
    name: 'rondo_threads_ended_total',
    help: 'Threads that ended under their work',
    read: (m) => m.threadsEndedTotal,
  },
  { name: 'rondo_subscriptions', help: 'Topics that clients subscribe to', read: (m) => m.subscriptions },
  {
    name: 'rondo_messages_published_total',
    help: 'Messages of topics published by clients of this node',
    read: (m) => m.messagesPublishedTotal,
  },
  {
    name: 'rondo_messages_delivered_total',
    help: 'Messages of topics delivered to clients of this node, each counted',
    read: (m) => m.messagesDeliveredTotal,
  },
  {
    name: 'rondo_messages_dropped_total',
    help: 'Messages of topics not sent to nodes that there was no link to, or that answered none',
    read: (m) => m.messagesDroppedTotal,
  },
  { name: 'rondo_client_connections', help: 'Clients connected', read: (m) => m.clientConnections },
  { name: 'rondo_client_requests_total', help: 'Requests of clients', read: (m) => m.clientRequestsTotal },
  {
    name: 'rondo_client_errors_total',
    help: 'Requests answered with an error',
    read: (m) => m.clientErrorsTotal,
  },
  {
    name: 'rondo_client_reply_bytes',
    help: 'Replies that wait for their clients',
    read: (m) => m.clientReplyBytes,
  },
  {
    name: 'rondo_client_receiving_bytes',
    help: 'Lines and bodies of clients that have begun and not ended',
    read: (m) => m.clientReceivingBytes,
  },
  {
    name: 'rondo_peer_bytes_total',
    help: 'Bytes between nodes',
    label: 'direction',
    read: (m) => ({ in: m.peerBytesInTotal, out: m.peerBytesOutTotal }),
  },
  {
    name: 'rondo_peer_messages_total',
    help: 'Messages between nodes',
    label: 'direction',
    read: (m) => ({ in: m.peerMessagesInTotal, out: m.peerMessagesOutTotal }),
  },
  {
    name: 'rondo_peer_messages_dropped_total',
    help: 'Messages to slow nodes dropped',
    read: (m) => m.peerMessagesDroppedTotal,
  },
  {
    name: 'rondo_peer_protocol_errors_total',
    help: 'Links closed for what came over them',
    read: (m) => m.peerProtocolErrorsTotal,
  },
  { name: 'rondo_peer_bytes_queued', help: 'Bytes waiting for other nodes', read: (m) => m.peerBytesQueued },
  {
    name: 'rondo_event_loop_delay_seconds',
    help: 'How late the event loop ran in the last one to two minutes, at most',
    read: (m) => m.eventLoopDelayMs / 1_000,
  },
];

/**
 * Loads prom-client, which costs some 30 ms and 10 MB: only a node whose metrics are asked for pays it. Each page has a
 * registry of its own, so that two nodes in one process don't share their numbers.
 */
export async function createMetricsPage(collect: () => NodeMetrics): Promise<MetricsPage> {
  const { default: prometheus } = await import('prom-client');
  const registry = new prometheus.Registry();
  collectProcessMetrics(prometheus, registry);
  const writers = metrics.map(({ name, help, label, read }) => {
    const options = { name, help, labelNames: label === undefined ? [] : [label], registers: [registry] };
    const isCounter = name.endsWith('_total');
    const metric = isCounter ? new prometheus.Counter(options) : new prometheus.Gauge(options);
    return (now: NodeMetrics): void => {
      // A counter of prom-client's can only be added to; ours are counted where things happen.
      metric.reset();
      const value = read(now);
      if (typeof value === 'number') metric.inc(value);
      else
        for (const [labelValue, count] of Object.entries(value))
          metric.inc({ [label as string]: labelValue }, count);
    };
  });
  return {
    contentType: registry.contentType,
    render: () => {
      const now = collect();
      for (const write of writers) write(now);
      return registry.metrics();
    },
  };
}

/**
 * prom-client's own, but for two faults of theirs. They count processor time from the first page on: what was used before
 * is added. And their event loop lag has no value on the first page and is set back by each, which is none for two scrapers:
 * it is left out, for rondo_event_loop_delay_seconds tells the same. The sampling that it starts wakes an idle process a
 * hundred times a second; it ends only when its object is collected, so it is slowed down until then.
 */
function collectProcessMetrics(prometheus: typeof import('prom-client'), registry: Registry): void {
  const used = process.cpuUsage();
  prometheus.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagSamplingMs });
  addTo(registry, 'process_cpu_user_seconds_total', used.user / 1e6);
  addTo(registry, 'process_cpu_system_seconds_total', used.system / 1e6);
  addTo(registry, 'process_cpu_seconds_total', (used.user + used.system) / 1e6);
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith('nodejs_eventloop_lag_')) registry.removeSingleMetric(name);
  }
}

function addTo(registry: Registry, name: string, value: number): void {
  (registry.getSingleMetric(name) as Counter | undefined)?.inc(value);
}
