import type { ClientCommand } from '../commands.js';
import { type JobId, type NodeId, originOf, type RequestId } from '../ids.js';
import type { Instant } from '../instant.js';
import { errorReply, type Reply } from '../reply.js';
import { rendezvousFirst, rendezvousOrder } from '../routing/rendezvous.js';
import type { Asks } from './asks.js';
import type { JobsConfig } from './config.js';
import type { MemberView } from './jobs.js';
import type { Asker } from './record.js';

export interface JobSearchOptions {
  readonly self: NodeId;
  readonly config: JobsConfig;
  readonly members: MemberView;
  readonly asks: Asks;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

/** Null: nobody knows the job. `now` is the moment at which that became known. */
export type Found = (holder: NodeId | null, now: Instant) => void;

/** How many nodes are asked for a job with a key, in rendezvous order: its owner is the first of the nodes alive when it came. */
const keyHoldersAskedMax = 8;

/** Which node answers for a job that is not this node's own, and how its answer comes to the client. */
export class JobSearch {
  /** Asks under way for a client's request, to be abandoned with it. */
  private readonly asksOf = new Map<RequestId, number>();

  constructor(private readonly options: JobSearchOptions) {}

  /** The node that owns a job with this id if it comes now: the same one, whichever node is asked. */
  homeOf(id: JobId): NodeId {
    const alive = [...this.options.members.all()].filter(
      (member) => member.state === 'alive' && !member.draining,
    );
    const ids = alive.map((member) => member.id);
    return rendezvousFirst(id, ids) ?? this.options.self;
  }

  /** Asks all that may own it at once; the first that knows it is its holder. */
  find(job: JobId, now: Instant, found: Found): void {
    const nodes = this.possibleOwners(job);
    const [only] = nodes;
    if (only === undefined || originOf(job) !== null) {
      found(only ?? null, now);
      return;
    }
    let open = nodes.length;
    let isFound = false;
    const timeoutMs = this.options.config.askTimeoutMs;
    for (const to of nodes) {
      const answered = (reply: Reply, now: Instant): void => {
        open--;
        if (isFound) return;
        isFound = reply.ok || open === 0;
        if (isFound) found(reply.ok ? to : null, now);
      };
      this.options.asks.ask({ to, command: { type: 'status', job }, now, timeoutMs, answered });
    }
  }

  /** Has another node answer. A request that waits for a job takes as long as that node lives. */
  passOn(to: NodeId, command: ClientCommand, asker: Asker, now: Instant): void {
    const { asks, answer, config } = this.options;
    const timeoutMs = waitsForJob(command) ? null : config.askTimeoutMs;
    const answered = (reply: Reply): void => {
      if (asker.type === 'client') this.asksOf.delete(asker.request);
      answer(asker, reply);
    };
    const seq = asks.ask({ to, command, now, timeoutMs, answered });
    if (asker.type === 'client' && seq !== 0) this.asksOf.set(asker.request, seq);
  }

  abandon(request: RequestId): void {
    const seq = this.asksOf.get(request);
    if (seq === undefined) return;
    this.asksOf.delete(request);
    this.options.asks.abandon(seq);
  }

  notFound(job: JobId): Reply {
    const origin = originOf(job);
    const member = origin === null ? undefined : this.options.members.get(origin);
    if (member !== undefined && (member.state === 'dead' || member.state === 'left')) {
      return errorReply(
        'UNAVAILABLE',
        `node ${member.name}, which owned job ${job}, is ${member.state}, and its record was there alone`,
      );
    }
    return errorReply(
      'NOT_FOUND',
      `no node knows job ${job}: it never was, its outcome is no longer kept, or the node that kept it is gone`,
    );
  }

  /** Other nodes, the likeliest first. */
  private possibleOwners(job: JobId): NodeId[] {
    const { self, members } = this.options;
    const others = [...members.all()]
      .filter(({ id, state }) => id !== self && (state === 'alive' || state === 'suspect'))
      .map(({ id }) => id);
    const origin = originOf(job);
    if (origin !== null) return others.includes(origin) ? [origin] : [];
    return rendezvousOrder(job, others).slice(0, keyHoldersAskedMax);
  }
}

function waitsForJob(command: ClientCommand): boolean {
  return command.type === 'wait' || command.type === 'cancel' || (command.type === 'submit' && command.wait);
}
