import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';

/** Acknowledged together: at the latest after this many, after this much, or after this long. */
export const ackCountMax = 64;
export const ackBytesMax = 1024 * 1024;
export const ackDelayMs = 20;

interface Batch {
  readonly seqs: number[];
  bytes: number;
}

/** Numbers of what has arrived from other nodes and is to be acknowledged to them, gathered. */
export class Acks {
  private readonly batches = new Map<NodeId, Batch>();
  private dueMs = Number.POSITIVE_INFINITY;

  constructor(private readonly send: (to: NodeId, seqs: readonly number[]) => void) {}

  add(node: NodeId, seq: number, bytes: number, now: Instant): void {
    const batch = this.batches.get(node) ?? { seqs: [], bytes: 0 };
    batch.seqs.push(seq);
    batch.bytes += bytes;
    if (batch.seqs.length >= ackCountMax || batch.bytes >= ackBytesMax) {
      this.batches.delete(node);
      this.send(node, batch.seqs);
      return;
    }
    this.batches.set(node, batch);
    if (this.dueMs === Number.POSITIVE_INFINITY) this.dueMs = now.monotonicMs + ackDelayMs;
  }

  forget(node: NodeId): void {
    this.batches.delete(node);
  }

  tick(now: Instant): void {
    if (now.monotonicMs < this.dueMs) return;
    this.dueMs = Number.POSITIVE_INFINITY;
    for (const [node, { seqs }] of this.batches) this.send(node, seqs);
    this.batches.clear();
  }

  nextDeadlineMs(): number {
    return this.dueMs;
  }

  get size(): number {
    return this.batches.size;
  }
}
