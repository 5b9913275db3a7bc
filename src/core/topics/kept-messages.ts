import { Fifo } from '../fifo.js';
import { limits } from '../limits.js';
import { type Payload, payloadBytes } from '../payload.js';
import { KeptSearch } from './kept-search.js';
import type { Topic } from './topic.js';
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

  /** For the last messages, up to that with this number, of each topic that is named, or fits a pattern that is. */
  search(names: readonly Topic[], count: number, upTo: number): KeptSearch {
    return new KeptSearch(this.topics, names, count, upTo);
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
