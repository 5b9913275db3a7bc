import type { NodeCommand } from '../commands.js';
import { type JobId, type NodeId, originOf } from '../ids.js';
import type { Instant } from '../instant.js';
import { isPresent } from '../member.js';
import { errorReply, type Reply } from '../reply.js';
import { rendezvousFirst, rendezvousOrder } from '../routing/rendezvous.js';
import { AskerTable } from './asker-table.js';
import type { Answered, AskOptions, Asks } from './asks.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import type { ItemsOut } from './items-out.js';
import { movedReply } from './job-requests.js';
import type { Keeping } from './keeping.js';
import type { MemberView } from './member-view.js';
import type { Asker } from './record.js';

export interface JobSearchOptions {
  readonly self: NodeId;
  readonly config: JobsConfig;
  readonly members: MemberView;
  readonly asks: Asks;
  readonly keeping: Keeping;
  readonly items: ItemsOut;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

export interface Findings {
  /** Null: nobody who answered knows the job. */
  readonly holder: NodeId | null;
  /** A node that may know it and did not answer; null where all did. */
  readonly silent: NodeId | null;
  /** A node may know it, and had no room to say so. */
  readonly busy: boolean;
  /** A node holds a copy of it, and nobody who answered owns it: somebody will, soon. */
  readonly isMoving: boolean;
}

export interface FindOptions {
  /** `claim`: this node is about to take the job, where nobody has it. */
  readonly question: 'status' | 'claim';
  readonly timeoutMs: number;
  /** The node that the job's id names is taken for its owner, and not asked. */
  readonly trustsId: boolean;
  /** `now` is the moment at which that became known. */
  readonly found: (findings: Findings, now: Instant) => void;
}

/**
 * How many nodes are asked for a job with a key, or one whose first owner doesn't know it, in rendezvous order: its holders are the
 * first of the nodes alive when it came.
 */
export const holdersAskedMax = 8;
/** For so long after a node was lost, its jobs may be on their way to another owner. */
const takeoverMs = 10_000;

/** What becomes of an answer that another node may have a better one for. */
export interface Fallback {
  readonly isLost: (reply: Reply, isNodeGone: boolean) => boolean;
  readonly lost: Answered;
  readonly answered?: () => void;
}

/** The owner's own TIMEOUT says more than this node can, so it gets this long to arrive. */
const ownersLeadMs = 250;

/** Which node answers for a job that is not this node's own, and how its answer comes to the client. */
export class JobSearch {
  /** Asks under way, to be abandoned with the requests that they are for. */
  private readonly asksOf = new AskerTable<number>();
  private lastLossMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: JobSearchOptions) {}

  /** The node that owns a job with this id if it comes now: the same one, whichever node is asked. */
  homeOf(id: JobId, except: readonly NodeId[] = []): NodeId {
    const alive = [...this.options.members.all()].filter(
      ({ state, draining, journal }) => state === 'alive' && !draining && journal !== 'failed',
    );
    const ids = alive.map((member) => member.id).filter((id) => !except.includes(id));
    return rendezvousFirst(id, ids) ?? this.options.self;
  }

  /**
   * Asks all that may own it at once; the first that does is its holder. Of a job without a key the id names the node that first owned
   * it, and nearly always it still does.
   */
  find(job: JobId, options: FindOptions, now: Instant): void {
    const origin = originOf(job);
    const member = origin === null ? undefined : this.options.members.get(origin);
    if (origin === null || origin === this.options.self || member === undefined || !isPresent(member)) {
      this.askAll(job, this.possibleHolders(job).slice(0, holdersAskedMax), options, now);
      return;
    }
    if (options.trustsId) options.found({ holder: origin, silent: null, busy: false, isMoving: false }, now);
    else {
      const others = this.possibleHolders(job).filter((node) => node !== origin);
      this.askAll(job, [origin, ...others].slice(0, holdersAskedMax), options, now);
    }
  }

  private askAll(
    job: JobId,
    nodes: readonly NodeId[],
    { question, timeoutMs, found }: FindOptions,
    now: Instant,
  ): void {
    let open = nodes.length;
    let isFound = false;
    let silent: NodeId | null = null;
    let busy = false;
    let isMoving = false;
    if (open === 0) {
      found({ holder: null, silent, busy, isMoving }, now);
      return;
    }
    for (const to of nodes) {
      const answered = (reply: Reply, now: Instant, isNodeGone = false): void => {
        open--;
        if (isFound) return;
        if (!reply.ok && reply.code === 'BUSY') busy = true;
        else if (!reply.ok && (reply.code === 'MOVED' || isNodeGone)) isMoving = true;
        else if (!reply.ok && reply.code !== 'NOT_FOUND') silent = to;
        isFound = reply.ok || open === 0;
        if (isFound) found({ holder: reply.ok ? to : null, silent, busy, isMoving }, now);
      };
      this.options.asks.ask({ to, command: { type: question, job }, now, timeoutMs, answered });
    }
  }

  /** Has another node answer. A request that waits for a job takes as long as that node lives, or as its own time-out. */
  passOn(to: NodeId, command: NodeCommand, asker: Asker, now: Instant, fallback?: Fallback): void {
    const { asks, answer, items } = this.options;
    const answered = (reply: Reply, now: Instant, isNodeGone = false): void => {
      this.asksOf.delete(asker);
      if (fallback?.isLost(reply, isNodeGone) === true) {
        fallback.lost(reply, now);
        return;
      }
      fallback?.answered?.();
      answer(asker, reply);
    };
    const start = items.startOf(asker);
    const isStream = start !== null && (command.type === 'watch' || command.type === 'submit');
    const seq = asks.ask({
      to,
      // On from what it has been told, and with the room that is left.
      command: isStream ? { ...command, stream: start } : command,
      now,
      answered,
      ...this.limitOf(command),
      ...(isStream && { told: (item) => items.send(asker, item) }),
    });
    if (seq !== 0) this.asksOf.set(asker, seq);
  }

  /** It takes more items. */
  wanted(asker: Asker): void {
    const seq = this.asksOf.get(asker);
    if (seq !== undefined) this.options.asks.giveRoom(seq, this.options.items.room(asker));
  }

  abandon(asker: Asker): void {
    const seq = this.asksOf.get(asker);
    if (seq === undefined) return;
    this.asksOf.delete(asker);
    this.options.asks.abandon(seq);
  }

  /** What another node is told of a job that this one doesn't own. */
  notHere(job: JobId): Reply {
    if (this.options.keeping.ownerOf(job) !== null) return movedReply(job);
    return errorReply('NOT_FOUND', `this node doesn't know job ${job}`);
  }

  /**
   * Whether the job may be on its way to another owner: this node holds it for one, the one that its id names is gone, or some node was
   * lost lately.
   */
  hasLostOwner(job: JobId, now: Instant): boolean {
    if (this.options.keeping.ownerOf(job) !== null) return true;
    if (now.monotonicMs >= this.lastLossMs + takeoverMs) return false;
    const origin = originOf(job);
    const member = origin === null ? undefined : this.options.members.get(origin);
    return member === undefined || !isPresent(member) || origin === null || this.lastLossMs > 0;
  }

  /** A node is gone, and its jobs with it until others own them. */
  nodeLost(now: Instant): void {
    this.lastLossMs = now.monotonicMs;
  }

  notFound(job: JobId, { silent, isMoving }: Pick<Findings, 'silent' | 'isMoving'>, now: Instant): Reply {
    const { members, keeping } = this.options;
    const origin = originOf(job);
    const member = origin === null ? undefined : members.get(origin);
    if (member !== undefined && (member.state === 'dead' || member.state === 'left')) {
      return errorReply(
        'UNAVAILABLE',
        `node ${member.name}, which took job ${job}, ${member.state === 'left' ? 'has left' : 'is dead'}, and no node that is there knows the job`,
      );
    }
    if (silent !== null) {
      const name = members.get(silent)?.name ?? silent;
      return errorReply(
        'UNAVAILABLE',
        `node ${name}, which may know job ${job}, did not answer, and no other one knows it; ask again`,
      );
    }
    if (isMoving || keeping.ownerOf(job) !== null) {
      const why = `job ${job} is held, and has no owner yet that answers for it; ask again`;
      return errorReply('UNAVAILABLE', why);
    }
    // Of other jobs the node answers that their id names: here none is named, or one that this node has not met.
    const absent = member === undefined && origin !== this.options.self ? keeping.absent.any(now) : null;
    if (absent !== null) {
      return errorReply('UNAVAILABLE', `${absent}, and may know job ${job}; no node that is there knows it`);
    }
    return errorReply(
      'NOT_FOUND',
      `no node knows job ${job}: it never was, its outcome is no longer kept, or the node that kept it is gone`,
    );
  }

  private limitOf(command: NodeCommand): Pick<AskOptions, 'timeoutMs' | 'late'> {
    const { askTimeoutMs } = this.options.config;
    switch (command.type) {
      case 'wait':
        if (command.timeoutMs === null) return { timeoutMs: null };
        return { timeoutMs: command.timeoutMs + ownersLeadMs, late: waitedInVain(command.job) };
      case 'watch':
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
  private possibleHolders(job: JobId): NodeId[] {
    const { self, members } = this.options;
    const others: NodeId[] = [];
    for (const member of members.all()) if (member.id !== self && isPresent(member)) others.push(member.id);
    return rendezvousOrder(job, others);
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
