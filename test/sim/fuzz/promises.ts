import type { ClientCommand, SubmitCommand } from '../../../src/core/commands.js';
import type { NodeEffect, NodeEvent } from '../../../src/core/effects.js';
import type { JobId, RequestId, RunId } from '../../../src/core/ids.js';
import { isFinished, type JobRecord } from '../../../src/core/jobs/record.js';
import type { Reply } from '../../../src/core/reply.js';
import type { SimCluster, SimRequest, SimWatch } from '../../../src/sim/sim-cluster.js';
import type { SimHooks } from '../../../src/sim/sim-hooks.js';
import type { SimNode } from '../../../src/sim/sim-node.js';
import type { FuzzClients } from './clients.js';
import type { FuzzPlan, Weather } from './plan.js';

/** A job whose taking its owner has told. */
interface Acknowledged {
  readonly owner: SimNode;
  readonly record: JobRecord;
}

/** All nodes offer the task that is asked for. */
const neverCodes: readonly string[] = ['INTERNAL', 'UNKNOWN_TASK'];

/** Why a job may be refused. Only storms take nodes away. */
const refusals: Readonly<Record<Weather, readonly string[]>> = {
  calm: [],
  unruly: ['DRAINING'],
  // Two nodes that see each other alive may have no path between them; and few outcomes are kept for whoever asks late.
  stormy: ['DRAINING', 'NO_SUCH_NODE', 'UNAVAILABLE', 'NOT_FOUND'],
};
/** How much later than asked for a WAIT may end: its owner is given a moment to say so itself. */
const waitSlackMs = 300;

/** Looks on from outside, as clients do, and tells which promises were not kept. */
export class Promises implements SimWatch, SimHooks {
  readonly problems: string[] = [];
  /** How attempts ended, by type. */
  readonly ends = new Map<string, number>();
  private readonly acknowledged = new Map<JobRecord, Acknowledged>();
  /** Jobs whose outcome some owner has accepted; it may have been dropped since, by the limits. */
  private readonly ended = new Set<JobId>();
  /** The jobs of the attempts that are running on each node. */
  private readonly running = new Map<SimNode, Map<RunId, JobId>>();

  constructor(
    private readonly plan: FuzzPlan,
    private readonly requests: () => readonly SimRequest[],
  ) {}

  outcome(_: SimNode, record: JobRecord): void {
    this.ended.add(record.spec.id);
  }

  arrived(node: SimNode, event: NodeEvent): void {
    if (event.type === 'attempt_progress') this.count('progress');
    else if (event.type === 'attempt_ended') {
      const { outcome } = event;
      this.running.get(node)?.delete(event.run);
      this.count(outcome.type === 'crashed' && outcome.alone ? 'crashed alone' : outcome.type);
    }
  }

  performed(node: SimNode, effect: NodeEffect): void {
    if (effect.type === 'reply') {
      this.noteTaken(node, effect.reply);
      this.checkCancelled(effect.request, effect.reply);
    } else if (effect.type === 'start_attempt') {
      const running = this.running.get(node) ?? new Map<RunId, JobId>();
      this.running.set(node, running.set(effect.run, effect.job));
    }
    if (effect.type === 'send' && effect.message.type === 'answer')
      this.noteTaken(node, effect.message.reply);
    else if (effect.type === 'fatal') this.problems.push(`${node.name} gave up: ${effect.message}`);
    else if (effect.type === 'log' && effect.level !== 'debug' && effect.level !== 'info')
      this.noteTrouble(node, effect.text);
  }

  /** When all is over. */
  check(cluster: SimCluster, { argsAsked, argsLate }: FuzzClients): string[] {
    const { weather } = this.plan;
    return [
      ...this.problems,
      ...cluster.requests.flatMap((request) => this.checkAnswer(request)),
      ...this.checkAcknowledged(cluster),
      ...checkStarts(cluster, argsAsked),
      ...(weather === 'calm' ? checkOneStartEach(cluster, argsLate) : []),
      ...(weather === 'stormy' ? [] : [...checkStartsAreCounted(cluster), ...checkOneOwnerEach(cluster)]),
    ];
  }

  /** A CANCEL that is answered OK has stopped the work. Without a fault, nothing of it runs anywhere, unless it is retried. */
  private checkCancelled(number: RequestId, reply: Reply): void {
    const requests = this.requests();
    const command = requests[number - 1]?.command;
    if (this.plan.weather === 'stormy' || command?.type !== 'cancel' || !reply.ok) return;
    const { job } = command;
    if (requests.some((other) => other.command.type === 'retry' && other.command.job === job)) return;
    for (const [node, running] of this.running)
      if ([...running.values()].includes(job))
        this.problems.push(`${job} still runs on ${node.name} when its cancel is answered`);
  }

  private count(what: string): void {
    this.ends.set(what, (this.ends.get(what) ?? 0) + 1);
  }

  /** The owner's own word, before it goes to another node or a client: the record is there at that moment. */
  private noteTaken(node: SimNode, reply: Reply): void {
    if (!reply.ok) return;
    const id = /^(\S+) copies=/.exec(reply.text)?.[1] as JobId | undefined;
    const record = id === undefined ? undefined : node.core.jobs.ledger.get(id);
    if (record !== undefined) this.acknowledged.set(record, { owner: node, record });
  }

  private noteTrouble(node: SimNode, text: string): void {
    // Where packets are lost, both that a dial has time for may be: rightly told, and the dial is made again.
    if (this.plan.loss > 0 && /^Seed \S+ doesn't answer in time/.test(text)) return;
    if (this.plan.weather !== 'stormy') this.problems.push(`${node.name} complains without a fault: ${text}`);
  }

  /** A job may have another owner by then. Only in a storm may so many nodes have been lost at once that nobody knows it. */
  private checkAcknowledged(cluster: SimCluster): string[] {
    return [...this.acknowledged.values()].flatMap(({ owner, record }) => {
      const { id } = record.spec;
      if (isFinished(record.state) || (owner.status !== 'running' && this.plan.weather === 'stormy'))
        return [];
      if (this.ended.has(id)) return [];
      const records = cluster.running().flatMap(({ core }) => core.jobs.ledger.get(id) ?? []);
      // Of nodes without a disk, a storm may have taken all that had it; the soak looks closer.
      if (records.length === 0 && this.plan.weather === 'stormy') return [];
      const states = records.map((known) => `${known.state} at ${known.owner}`).join(', ');
      return [`${id}, which ${owner.name} has taken, is ${states === '' ? 'lost' : `${states} for ever`}`];
    });
  }

  private checkAnswer(request: SimRequest): string[] {
    const { command, reply, isAbandoned } = request;
    if (isAbandoned) return [];
    if (reply === null) return isOwed(request) ? [`${showRequest(request)} has no answer`] : [];
    const problems: string[] = [];
    if (!reply.ok && neverCodes.includes(reply.code))
      problems.push(`${showRequest(request)} is answered ${reply.code} ${reply.message}`);
    if (command.type === 'submit') problems.push(...this.checkSubmitted(request, command, reply));
    if (command.type === 'wait') problems.push(...this.checkWait(request, command));
    return problems;
  }

  private checkSubmitted(request: SimRequest, command: SubmitCommand, reply: Reply): string[] {
    if (reply.ok) {
      if (!command.wait || reply.text === command.args) return [];
      return [`${showRequest(request)} has another's result: ${reply.text}`];
    }
    const { weather } = this.plan;
    const outcomes = command.wait && weather !== 'calm' ? ['JOB_FAILED', 'JOB_CANCELLED'] : [];
    const isExpected = outcomes.includes(reply.code) || refusals[weather].includes(reply.code);
    // A job without a key is its entry's own: no other node can be in the way.
    const isCertain = weather !== 'stormy' || command.options.key === null;
    if (isExpected) return [];
    if (!isCertain || request.askedOf.status === 'dead') return [];
    return [`${showRequest(request)} is answered ${reply.code} ${reply.message}`];
  }

  private checkWait(request: SimRequest, { timeoutMs }: Extract<ClientCommand, { type: 'wait' }>): string[] {
    const { askedAtMs, answeredAtMs, askedOf } = request;
    if (timeoutMs === null || answeredAtMs === null || askedOf.resumedAtMs > askedAtMs) return [];
    const lateMs = answeredAtMs - askedAtMs - timeoutMs;
    return lateMs <= waitSlackMs ? [] : [`${showRequest(request)} ends ${Math.round(lateMs)} ms late`];
  }
}

/** Nothing runs that nobody asked for. */
function checkStarts({ attempts }: SimCluster, argsAsked: ReadonlySet<string>): string[] {
  return attempts.flatMap(({ on, start }) =>
    argsAsked.has(String(start.args)) ? [] : [`${on} ran ${start.job}, which nobody asked for`],
  );
}

/** Without faults: one start for each job, and one job for each key; none where all who asked for it went away before they were answered. */
function checkOneStartEach({ requests, attempts }: SimCluster, argsLate: ReadonlySet<string>): string[] {
  const wanted = new Map<string, number>();
  const owed = new Set<string>();
  for (const { command, isAbandoned, reply } of requests) {
    if (command.type !== 'submit' || argsLate.has(String(command.args))) continue;
    wanted.set(String(command.args), 0);
    if (!isAbandoned || reply !== null) owed.add(String(command.args));
  }
  for (const { start } of attempts) wanted.set(String(start.args), (wanted.get(String(start.args)) ?? 0) + 1);
  const isRight = (args: string, count: number): boolean => count === 1 || (count === 0 && !owed.has(args));
  return [...wanted].flatMap(([args, count]) =>
    isRight(args, count) ? [] : [`job ${args} started ${count} times`],
  );
}

/** Without faults of nodes and links, every start of a job is an attempt in its record, and the other way round. */
function checkStartsAreCounted(cluster: SimCluster): string[] {
  const starts = new Map<JobId, number>();
  for (const { start } of cluster.attempts) starts.set(start.job, (starts.get(start.job) ?? 0) + 1);
  const records = cluster.running().flatMap(({ core }) => [...core.jobs.ledger.values()]);
  return records.flatMap(({ spec: { id }, attempt }) => {
    const count = starts.get(id) ?? 0;
    return count === attempt ? [] : [`${id} was started ${count} times, and counts ${attempt}`];
  });
}

/** Without faults of nodes and links, no two nodes take the same key. */
function checkOneOwnerEach(cluster: SimCluster): string[] {
  const owners = new Map<JobId, string>();
  const problems: string[] = [];
  for (const { name, core } of cluster.running())
    for (const { spec } of core.jobs.ledger.values()) {
      const other = owners.get(spec.id);
      if (other !== undefined) problems.push(`${spec.id} is owned by ${other} and ${name}`);
      owners.set(spec.id, name);
    }
  return problems;
}

/** Whether its node must have answered it. One that leaves answers all that it was asked before it is gone. */
export function isOwed({ reply, isAbandoned, askedOf, askedAtMs }: SimRequest): boolean {
  if (reply !== null || isAbandoned) return false;
  if (askedOf.status !== 'dead') return true;
  const { goneAtMs, resumedAtMs } = askedOf;
  return goneAtMs !== null && resumedAtMs < askedAtMs && askedAtMs < goneAtMs;
}

export function showRequest({ number, node, command, askedAtMs }: SimRequest): string {
  return `request ${number} (${node}, ${Math.round(askedAtMs)} ms, ${JSON.stringify(command)})`;
}
