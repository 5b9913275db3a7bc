import { Fifo } from '../fifo.js';
import { limits } from '../limits.js';
import { type Payload, payloadBytes } from '../payload.js';
import { PatternTree } from './pattern-tree.js';
import { isPattern, levelsOf, type Topic } from './topic.js';
import type { KeptMessage } from './topic-messages.js';

/** What a topic and a message cost beside what is in them: so their number is limited as well. */
const topicBytes = 512;
const messageBytes = 96;

/** What was published at this node lately, for those who subscribe later: of each topic the last messages. */
export class KeptMessages {
  /** The topic that was published to last comes last. */
  private readonly topics = new Map<Topic, Fifo<KeptMessage>>();
  /** Goes through them from the first one on, so that none that is gone is passed over twice. */
  private oldest = this.topics.keys();
  private latest: Topic | null = null;
  private keptBytes = 0;

  get bytes(): number {
    return this.keptBytes;
  }

  get topicCount(): number {
    return this.topics.size;
  }

  add(message: KeptMessage): void {
    const { topic } = message;
    let kept = this.topics.get(topic);
    if (kept === undefined) {
      kept = new Fifo();
      this.keptBytes += topicBytes + topic.length;
    }
    if (this.latest !== topic) {
      this.topics.delete(topic);
      this.topics.set(topic, kept);
      this.latest = topic;
    }
    kept.push(message);
    this.keptBytes += costOf(message.payload);
    if (kept.length > limits.replayMax) this.shift(kept);
    while (this.keptBytes > limits.replayBytesMax) this.dropOldest();
  }

  /** Of each topic that is named, or fits a pattern that is, the last messages; those of the topics published to last, when it is too much. */
  last(names: readonly Topic[], count: number): KeptMessage[] {
    const found: KeptMessage[] = [];
    let bytes = 0;
    for (const topic of this.find(names).reverse()) {
      const kept = this.topics.get(topic) as Fifo<KeptMessage>;
      for (let index = kept.length - 1; index >= Math.max(0, kept.length - count); index--) {
        const message = kept.at(index) as KeptMessage;
        bytes += replayedBytes(message);
        if (bytes > limits.replayedBytesMax) return found;
        found.push(message);
      }
    }
    return found;
  }

  /** In the order in which they were published to last. */
  private find(names: readonly Topic[]): Topic[] {
    const wanted = new Set(names.filter((name) => this.topics.has(name)));
    const patterns = names.filter(isPattern);
    if (patterns.length > 0) {
      const tree = new PatternTree<Topic>();
      for (const pattern of patterns) tree.set(pattern, pattern);
      for (const topic of this.topics.keys()) {
        const fitting: Topic[] = [];
        tree.match(levelsOf(topic), fitting);
        if (fitting.length > 0) wanted.add(topic);
      }
    }
    return [...wanted].sort((a, b) => this.lastNumberOf(a) - this.lastNumberOf(b));
  }

  private lastNumberOf(topic: Topic): number {
    const kept = this.topics.get(topic);
    return kept?.at(kept.length - 1)?.number ?? 0;
  }

  private dropOldest(): void {
    const topic = this.nextOldest();
    const kept = this.topics.get(topic) as Fifo<KeptMessage>;
    if (topic === this.latest && kept.length > 1) {
      this.shift(kept);
      return;
    }
    while (kept.length > 0) this.shift(kept);
    this.topics.delete(topic);
    this.keptBytes -= topicBytes + topic.length;
    if (topic === this.latest) this.latest = null;
  }

  private nextOldest(): Topic {
    let { value } = this.oldest.next();
    if (value === undefined) {
      this.oldest = this.topics.keys();
      value = this.oldest.next().value;
    }
    return value as Topic;
  }

  private shift(kept: Fifo<KeptMessage>): void {
    const message = kept.shift();
    if (message !== undefined) this.keptBytes -= costOf(message.payload);
  }
}

function costOf(payload: Payload): number {
  return messageBytes + payloadBytes(payload);
}

/** What a message counts for in what one replay may give. */
export function replayedBytes({ topic, payload }: Pick<KeptMessage, 'topic' | 'payload'>): number {
  return 64 + topic.length + payloadBytes(payload);
}
