import type { ClientCommand } from '../commands.js';
import { type JobId, type NodeId, originOf } from '../ids.js';
import type { Instant } from '../instant.js';
import { errorReply, type Reply } from '../reply.js';
import { rendezvousFirst, rendezvousOrder } from '../routing/rendezvous.js';
import { AskerTable } from './asker-table.js';
import type { Answered, AskOptions, Asks } from './asks.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import type { MemberView } from './member-view.js';
import type { Asker } from './record.js';

export interface JobSearchOptions {
  readonly self: NodeId;
  readonly config: JobsConfig;
  readonly members: MemberView;
  readonly asks: Asks;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

export interface Findings {
  /** Null: nobody who answered knows the job. */
  readonly holder: NodeId | null;
  /** A node that may know it and did not answer; null where all did. */
  readonly silent: NodeId | null;
  /** A node may know it, and had no room to say so. */
  readonly busy: boolean;
}

export interface FindOptions {
  /** `claim`: this node is about to take the job, where nobody has it. */
  readonly question: 'status' | 'claim';
  readonly timeoutMs: number;
  /** `now` is the moment at which that became known. */
  readonly found: (findings: Findings, now: Instant) => void;
}

/** How many nodes are asked for a job with a key, in rendezvous order: its owner is the first of the nodes alive when it came. */
const keyHoldersAskedMax = 8;

/** The owner's own TIMEOUT says more than this node can, so it gets this long to arrive. */
const ownersLeadMs = 250;

/** Which node answers for a job that is not this node's own, and how its answer comes to the client. */
export class JobSearch {
  /** Asks under way, to be abandoned with the requests that they are for. */
  private readonly asksOf = new AskerTable<number>();

  constructor(private readonly options: JobSearchOptions) {}

  /** The node that owns a job with this id if it comes now: the same one, whichever node is asked. */
  homeOf(id: JobId, except: readonly NodeId[] = []): NodeId {
    const alive = [...this.options.members.all()].filter(
      (member) => member.state === 'alive' && !member.draining,
    );
    const ids = alive.map((member) => member.id).filter((id) => !except.includes(id));
    return rendezvousFirst(id, ids) ?? this.options.self;
  }

  /** Asks all that may own it at once; the first that knows it is its holder. */
  find(job: JobId, { question, timeoutMs, found }: FindOptions, now: Instant): void {
    const nodes = this.possibleOwners(job);
    const [only] = nodes;
    if (only === undefined || originOf(job) !== null) {
      found({ holder: only ?? null, silent: null, busy: false }, now);
      return;
    }
    let open = nodes.length;
    let isFound = false;
    let silent: NodeId | null = null;
    let busy = false;
    for (const to of nodes) {
      const answered = (reply: Reply, now: Instant): void => {
        open--;
        if (isFound) return;
        if (!reply.ok && reply.code === 'BUSY') busy = true;
        if (!reply.ok && reply.code !== 'NOT_FOUND') silent = to;
        isFound = reply.ok || open === 0;
        if (isFound) found({ holder: reply.ok ? to : null, silent, busy }, now);
      };
      this.options.asks.ask({ to, command: { type: question, job }, now, timeoutMs, answered });
    }
  }

  /** Has another node answer, unless it drains and `refused` is there. A request that waits for a job takes as long as that node lives, or as its own time-out. */
  passOn(to: NodeId, command: ClientCommand, asker: Asker, now: Instant, refused?: Answered): void {
    const { asks, answer } = this.options;
    const answered = (reply: Reply, now: Instant): void => {
      this.asksOf.delete(asker);
      if (refused !== undefined && !reply.ok && reply.code === 'DRAINING') refused(reply, now);
      else answer(asker, reply);
    };
    const seq = asks.ask({ to, command, now, answered, ...this.limitOf(command) });
    if (seq !== 0) this.asksOf.set(asker, seq);
  }

  abandon(asker: Asker): void {
    const seq = this.asksOf.get(asker);
    if (seq === undefined) return;
    this.asksOf.delete(asker);
    this.options.asks.abandon(seq);
  }

  notFound(job: JobId, silent: NodeId | null = null): Reply {
    const { members } = this.options;
    const origin = originOf(job);
    const member = origin === null ? undefined : members.get(origin);
    if (member !== undefined && (member.state === 'dead' || member.state === 'left')) {
      return errorReply(
        'UNAVAILABLE',
        `node ${member.name}, which owned job ${job}, ${member.state === 'left' ? 'has left' : 'is dead'}, and only it had the job's record`,
      );
    }
    if (silent !== null) {
      const name = members.get(silent)?.name ?? silent;
      return errorReply(
        'UNAVAILABLE',
        `node ${name}, which may know job ${job}, did not answer, and no other one knows it; ask again`,
      );
    }
    return errorReply(
      'NOT_FOUND',
      `no node knows job ${job}: it never was, its outcome is no longer kept, or the node that kept it is gone`,
    );
  }

  private limitOf(command: ClientCommand): Pick<AskOptions, 'timeoutMs' | 'late'> {
    const { askTimeoutMs } = this.options.config;
    switch (command.type) {
      case 'wait':
        if (command.timeoutMs === null) return { timeoutMs: null };
        return { timeoutMs: command.timeoutMs + ownersLeadMs, late: waitedInVain(command.job) };
      case 'cancel':
        return { timeoutMs: null };
      case 'submit':
        // The other node may have to ask further ones whether they know the key.
        return { timeoutMs: command.wait ? null : 2 * askTimeoutMs };
      default:
        return { timeoutMs: askTimeoutMs };
    }
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

  /** What is kept for clients now, for checkers. */
  debts(): Debt[] {
    return [{ kind: 'asks to abandon', count: this.asksOf.size, node: null }];
  }
}

/** TIMEOUT of a wait whose job is another node's, and nothing was heard from there. */
export function waitedInVain(job: JobId): Reply {
  return errorReply('TIMEOUT', `nothing was heard of an end of job ${job} in that time; it goes on`);
}
