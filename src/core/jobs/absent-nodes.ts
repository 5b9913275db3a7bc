import { type NodeId, originOf } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobCopy } from './copy.js';
import type { MemberView } from './member-view.js';

export interface AbsentNodesOptions {
  readonly self: NodeId;
  readonly members: MemberView;
}

/** As long as a dead member is kept in mind: who was not met by then is expected no more than that one. */
const expectedMs = 24 * 3_600_000;

/** Nodes that are not there and may come back, with jobs that nobody else knows. */
export class AbsentNodes {
  /** Named by what this node's journal had at its start, and not met since. */
  private readonly unmet = new Set<NodeId>();
  private expectedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: AbsentNodesOptions) {}

  start(copies: Iterable<JobCopy>, now: Instant): void {
    for (const { spec, owner, holders, awaits } of copies) {
      this.note(owner);
      for (const node of holders) this.note(node);
      this.note(originOf(spec.id));
      for (const job of awaits) this.note(originOf(job));
    }
    this.expectedUntilMs = now.monotonicMs + expectedMs;
  }

  /** One of them, in words; null: all that are expected are there. A node that has left has given its jobs to others. */
  any(now: Instant): string | null {
    const { members } = this.options;
    for (const { name, state } of members.all()) if (state === 'dead') return `node ${name} is dead`;
    for (const node of this.unmet) {
      if (now.monotonicMs < this.expectedUntilMs && members.get(node) === undefined)
        return `node ${node} was not met since this one has started`;
      this.unmet.delete(node);
    }
    return null;
  }

  private note(node: NodeId | null): void {
    if (node !== null && node !== this.options.self) this.unmet.add(node);
  }
}
