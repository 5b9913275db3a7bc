import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobMessage } from '../messages.js';
import { payloadBytes } from '../payload.js';
import { ackBytesMax, ackCountMax, ackDelayMs } from './acks.js';
import { type Debt, debtsByNode } from './debts.js';

type EndMessage = Extract<JobMessage, { type: 'ran' }>;

/** Ends that executors have told this owner: each executor hears, for many of them at once, up to which they have arrived. */
export class EndAcks {
  private readonly acks = new Map<NodeId, { seq: number; count: number; bytes: number }>();
  private dueMs = Number.POSITIVE_INFINITY;

  constructor(private readonly send: (to: NodeId, seq: number) => void) {}

  note(from: NodeId, { seq, outcome }: EndMessage, now: Instant): void {
    const ack = this.acks.get(from) ?? { seq: 0, count: 0, bytes: 0 };
    ack.seq = Math.max(ack.seq, seq);
    ack.count++;
    ack.bytes += outcome.type === 'done' ? payloadBytes(outcome.result) : 0;
    if (ack.count >= ackCountMax || ack.bytes >= ackBytesMax) {
      this.acks.delete(from);
      this.send(from, ack.seq);
      return;
    }
    this.acks.set(from, ack);
    if (this.dueMs === Number.POSITIVE_INFINITY) this.dueMs = now.monotonicMs + ackDelayMs;
  }

  delete(node: NodeId): void {
    this.acks.delete(node);
  }

  tick(now: Instant): void {
    if (now.monotonicMs < this.dueMs) return;
    for (const [node, { seq }] of this.acks) this.send(node, seq);
    this.acks.clear();
    this.dueMs = Number.POSITIVE_INFINITY;
  }

  nextDeadlineMs(): number {
    return this.dueMs;
  }

  debts(): Debt[] {
    return debtsByNode('acknowledgements to send', this.acks, () => 1);
  }
}
