import type { JournalState } from '../core/member.js';
import type { NodeCore } from '../core/node/node-core.js';
import type { NodeMetrics } from '../http/node-metrics.js';
import type { ClientServer } from '../net/client-server.js';
import type { PeerNetwork } from '../net/peer-network.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { Driver } from './driver.js';

export interface MetricsSources {
  readonly core: NodeCore;
  readonly driver: Driver;
  readonly network: PeerNetwork;
  readonly clients: ClientServer;
  readonly scheduler: Scheduler;
}

/** Everything /metrics tells, read off the parts at the moment it is asked for. */
export function collectMetrics({ core, driver, network, clients, scheduler }: MetricsSources): NodeMetrics {
  const jobs = core.jobs.counts();
  const { owner, keeping } = core.jobs;
  const { copies } = keeping;
  const { totals } = owner;
  const threads = scheduler.stats();
  const peers = network.stats();
  const lines = clients.stats();
  const topics = core.topics.counts();
  return {
    members: core.countMembers(),
    links: peers.links,
    jobs,
    queueLength: core.jobs.ledger.unfinished,
    queueBytes: core.jobs.ledger.queueBytes,
    copies: { unfinished: copies.waitingCount, finished: copies.size - copies.waitingCount },
    copyBytes: copies.bytes,
    journal: journalStates(core.self().journal),
    attemptsRunning: threads.running,
    attemptsQueued: threads.queued,
    jobsSubmittedTotal: totals.submitted,
    jobsDoneTotal: totals.done,
    jobsFailedTotal: totals.failed,
    jobsCancelledTotal: totals.cancelled,
    attemptsRetriedTotal: totals.retried,
    threads: threads.threads,
    threadsEndedTotal: threads.threadsEnded,
    subscriptions: topics.subscriptions,
    messagesPublishedTotal: topics.published,
    messagesDeliveredTotal: topics.delivered,
    messagesDroppedTotal: topics.dropped,
    clientConnections: lines.connections,
    clientRequestsTotal: lines.requests,
    clientErrorsTotal: lines.errors,
    clientReplyBytes: lines.replyBytes,
    clientReceivingBytes: lines.receivingBytes,
    peerBytesInTotal: peers.bytesIn,
    peerBytesOutTotal: peers.bytesOut,
    peerMessagesInTotal: peers.messagesIn,
    peerMessagesOutTotal: peers.messagesOut,
    peerMessagesDroppedTotal: peers.messagesDropped,
    peerProtocolErrorsTotal: peers.protocolErrors,
    peerBytesQueued: peers.queuedBytes,
    eventLoopDelayMs: driver.tickLateMsMax(),
  };
}

/** One of them is 1. */
function journalStates(state: JournalState | undefined): NodeMetrics['journal'] {
  return { open: Number(state === 'open'), failed: Number(state === 'failed') };
}
