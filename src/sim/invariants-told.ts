import type { ClientCommand } from '../core/commands.js';
import type { NodeEffect, NodeEvent } from '../core/effects.js';
import type { JobId, RequestId } from '../core/ids.js';
import type { Reply } from '../core/reply.js';
import type { SimNode } from './sim-node.js';
import type { Invariant } from './violation.js';

export interface ToldInvariantsOptions {
  /** Whether owners of a job may not know of each other's outcomes. */
  readonly mayDiffer: (job: JobId) => boolean;
  /** Whether others may have taken the node for dead. */
  readonly wasAway: (node: SimNode) => boolean;
  readonly fail: (invariant: Invariant, node: string, what: string) => never;
}

type End = 'done' | 'failed' | 'cancelled';

interface Asked {
  readonly job: JobId;
  readonly type: 'wait' | 'cancel' | 'retry';
  readonly round: number;
}

/** A job, as its clients see it. */
interface Seen {
  /** Rises when it is asked to be put back, and when it was: of two ends between the same, one is wrong. */
  round: number;
  /** A RETRY may have been heard or not, now or later: nothing can be told any more. */
  isUncertain: boolean;
  told: { readonly end: End; readonly by: string } | null;
}

/** Invariant 24: an end that a client was told of stays that of its job, and the job starts no more, until a client has it put back. */
export class ToldInvariants {
  private readonly asked = new Map<RequestId, Asked>();
  private readonly jobs = new Map<JobId, Seen>();
  /** How many ends were told; none of them would show nothing. */
  toldCount = 0;

  constructor(private readonly options: ToldInvariantsOptions) {}

  stepped(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void {
    if (event.type === 'request') this.noteAsked(event.request, event.command);
    for (const effect of effects)
      if (effect.type === 'reply') this.noteReply(node, effect.request, effect.reply);
      else if (effect.type === 'start_attempt') this.checkStart(node, effect.job);
  }

  private noteAsked(request: RequestId, command: ClientCommand): void {
    const { type } = command;
    if (type !== 'wait' && type !== 'cancel' && type !== 'retry') return;
    const seen = this.seen(command.job);
    if (type === 'retry') this.forget(seen);
    this.asked.set(request, { job: command.job, type, round: seen.round });
  }

  private noteReply(node: SimNode, request: RequestId, reply: Reply): void {
    const asked = this.asked.get(request);
    if (asked === undefined) return;
    this.asked.delete(request);
    const seen = this.seen(asked.job);
    if (asked.type === 'retry') {
      seen.isUncertain = !reply.ok && reply.code === 'UNAVAILABLE';
      this.forget(seen, seen.isUncertain);
      return;
    }
    const end = endIn(asked.type, reply);
    if (end === null || seen.isUncertain || seen.round !== asked.round) return;
    this.toldCount++;
    const { told } = seen;
    if (told !== null && told.end !== end && !this.options.mayDiffer(asked.job))
      this.options.fail(
        24,
        node.name,
        `${asked.job} is ${end}, says ${node.name}; ${told.by} has said that it is ${told.end}`,
      );
    seen.told = { end, by: node.name };
  }

  private checkStart(node: SimNode, job: JobId): void {
    const told = this.jobs.get(job)?.told ?? null;
    // What had come to a node before it stood still, it may begin before it hears that it should not.
    if (told !== null && !this.options.wasAway(node) && !this.options.mayDiffer(job))
      this.options.fail(24, node.name, `it starts ${job}; ${told.by} has said that it is ${told.end}`);
  }

  /** What comes from now on belongs to another round, also while it isn't known whether there is one. */
  private forget(seen: Seen, isUncertain = true): void {
    seen.round++;
    seen.told = null;
    seen.isUncertain = isUncertain;
  }

  private seen(job: JobId): Seen {
    const known = this.jobs.get(job);
    if (known !== undefined) return known;
    const seen: Seen = { round: 0, isUncertain: false, told: null };
    this.jobs.set(job, seen);
    return seen;
  }
}

/** Null: it says nothing of an end. */
function endIn(type: 'wait' | 'cancel', reply: Reply): End | null {
  if (reply.ok) return type === 'cancel' ? 'cancelled' : 'done';
  if (reply.code === 'JOB_FAILED') return 'failed';
  if (reply.code === 'JOB_CANCELLED') return 'cancelled';
  if (reply.code !== 'WRONG_STATE') return null;
  return (/ is (done|failed) already/.exec(reply.message)?.[1] as End | undefined) ?? null;
}
