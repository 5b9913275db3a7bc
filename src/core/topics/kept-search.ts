import type { Fifo } from '../fifo.js';
import { limits } from '../limits.js';
import { payloadBytes } from '../payload.js';
import { PatternTree } from './pattern-tree.js';
import { isPattern, levelsOf, type Topic } from './topic.js';
import type { KeptMessage } from './topic-messages.js';

/** The topics that are kept, each with its messages: the topic that was published to last comes last. */
export type KeptTopics = ReadonlyMap<Topic, Fifo<KeptMessage>>;

/**
 * Looks for the last messages of topics, a part at a time: those that are kept may be many, and patterns may fit any of them. What is
 * published after its beginning is not found, so that it is as if all had been looked at in that moment.
 */
export class KeptSearch {
  /** Of each topic the last messages; those of the topics published to last, when it is too much. */
  readonly found: KeptMessage[] = [];
  private bytes = 0;
  /** Topics to look at: the last one is next. */
  private readonly topics: Topic[];
  private readonly tree: PatternTree<Topic> | null;
  /** What making it has cost is counted with the first part. */
  private steps: number;

  constructor(
    private readonly kept: KeptTopics,
    names: readonly Topic[],
    private readonly count: number,
    /** The number of the last message that counts. */
    private readonly upTo: number,
  ) {
    this.steps = 0;
    if (names.some(isPattern)) {
      this.tree = new PatternTree();
      for (const name of names) {
        this.tree.set(name, name);
        this.steps += name.length >> 1;
      }
      this.topics = [...kept.keys()];
      return;
    }
    this.tree = null;
    const numbers = new Map(
      names.filter((name) => kept.has(name)).map((name) => [name, lastNumberOf(kept, name)]),
    );
    this.topics = [...numbers.keys()].sort((a, b) => (numbers.get(a) as number) - (numbers.get(b) as number));
    this.steps = names.length;
  }

  get isOver(): boolean {
    return this.topics.length === 0;
  }

  /** Looks on until it is over, or has taken so many steps; returns how many, of which the last topic may have taken some more. */
  run(stepsMax: number): number {
    const fitting: Topic[] = [];
    while (this.steps < stepsMax) {
      const topic = this.topics.pop();
      if (topic === undefined) break;
      const messages = this.kept.get(topic);
      this.steps++;
      if (messages === undefined) continue;
      if (this.tree !== null) {
        fitting.length = 0;
        this.steps += this.tree.match(levelsOf(topic), fitting);
        if (fitting.length === 0) continue;
      }
      this.take(messages);
    }
    const { steps } = this;
    this.steps = 0;
    return steps;
  }

  private take(messages: Fifo<KeptMessage>): void {
    let left = this.count;
    for (let index = messages.length - 1; index >= 0 && left > 0; index--) {
      const message = messages.at(index) as KeptMessage;
      this.steps++;
      if (message.number > this.upTo) continue;
      this.bytes += replayedBytes(message);
      if (this.bytes > limits.replayedBytesMax) {
        this.topics.length = 0;
        return;
      }
      this.found.push(message);
      left--;
    }
  }
}

function lastNumberOf(kept: KeptTopics, topic: Topic): number {
  const messages = kept.get(topic);
  return messages?.at(messages.length - 1)?.number ?? 0;
}

/** What a message counts for in what one replay may give. */
export function replayedBytes({ topic, payload }: Pick<KeptMessage, 'topic' | 'payload'>): number {
  return 64 + topic.length + payloadBytes(payload);
}
