import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { Reach } from './reach.js';

/** An attempt whose executor can't be reached for so long runs elsewhere, and what is asked of a node is given up. A link that only broke is up again within a second. */
const unreachedMs = 10_000;

/**
 * Nodes that have something of this one's, attempts or questions, and no link. Others may see them alive: a path can be broken, in one direction or between two
 * nodes alone, for days.
 */
export class Unreached {
  private readonly waits = new Map<NodeId, { readonly dueMs: number; readonly wasWanted: boolean }>();

  constructor(private readonly reach: Reach) {}

  lost(node: NodeId, now: Instant): void {
    if (!this.waits.has(node)) this.wait(node, false, now);
  }

  /** It is reached again, or has nothing any more. */
  forget(node: NodeId): void {
    this.waits.delete(node);
  }

  /** Whose attempts are given up now. In a sparse mesh the link may only have been a spare one, so it is asked for first. */
  takeDue(now: Instant): NodeId[] {
    const due = [...this.waits].filter(([, { dueMs }]) => dueMs <= now.monotonicMs);
    const given: NodeId[] = [];
    for (const [node, { wasWanted }] of due) {
      this.waits.delete(node);
      if (!this.reach.isSparse() || wasWanted) given.push(node);
      else {
        this.wait(node, true, now);
        this.reach.want(node);
      }
    }
    return given;
  }

  nextDeadlineMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.waits.values()) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }

  private wait(node: NodeId, wasWanted: boolean, now: Instant): void {
    this.waits.set(node, { dueMs: now.monotonicMs + unreachedMs, wasWanted });
  }
}
