import type { InstanceId, NodeId } from '../ids.js';
import type { TopicMessage } from './topic-messages.js';

interface Publisher {
  instance: InstanceId;
  /** The number of its last message that was taken. */
  last: number;
  /** Seq and number of subscribers, of what it has not been told. */
  counts: number[];
}

/** Numbers in one answer. */
export const countsPerAnswerMax = 16_384;

/** What other nodes publish: taken in order, and answered once a turn. */
export class Receiving {
  private readonly publishers = new Map<NodeId, Publisher>();
  private readonly unanswered = new Map<NodeId, Publisher>();

  constructor(private readonly send: (to: NodeId, message: TopicMessage) => void) {}

  get wantsFlush(): boolean {
    return this.unanswered.size > 0;
  }

  /** False: it comes too late, after one that was published later. */
  take(from: NodeId, instance: InstanceId, seq: number): boolean {
    const publisher = this.publisherOf(from, instance);
    if (seq <= publisher.last) return false;
    publisher.last = seq;
    return true;
  }

  /** Nothing up to this number of that process is taken any more. */
  pass(from: NodeId, instance: InstanceId, last: number): void {
    const publisher = this.publisherOf(from, instance);
    publisher.last = Math.max(publisher.last, last);
  }

  delivered(from: NodeId, seq: number, count: number): void {
    const publisher = this.publishers.get(from);
    if (publisher === undefined) return;
    publisher.counts.push(seq, count);
    this.unanswered.set(from, publisher);
    if (publisher.counts.length >= countsPerAnswerMax) this.answer(from, publisher);
  }

  flush(): void {
    for (const [node, publisher] of this.unanswered) this.answer(node, publisher);
  }

  forget(node: NodeId): void {
    this.publishers.delete(node);
    this.unanswered.delete(node);
  }

  private publisherOf(node: NodeId, instance: InstanceId): Publisher {
    const known = this.publishers.get(node);
    if (known?.instance === instance) return known;
    const publisher: Publisher = { instance, last: 0, counts: [] };
    this.publishers.set(node, publisher);
    this.unanswered.delete(node);
    return publisher;
  }

  private answer(node: NodeId, publisher: Publisher): void {
    const { counts } = publisher;
    publisher.counts = [];
    this.unanswered.delete(node);
    this.send(node, { type: 'published', upTo: counts[counts.length - 2] ?? 0, counts });
  }
}
