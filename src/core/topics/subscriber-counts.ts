import type { NodeId, RequestId } from '../ids.js';
import { limits } from '../limits.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { formatSize } from '../units.js';
import type { Polls } from './polls.js';
import type { Topic } from './topic.js';

/** What each SUBSCRIBERS costs beside its topics, and each of these beside its name. */
const countingBytes = 128;
const topicBytes = 16;

export interface SubscriberCountsOptions {
  readonly polls: Polls;
  /** At this node. */
  readonly countOf: (topic: Topic) => number;
  /** The other nodes that may have some. */
  readonly nodesWanting: (topic: Topic) => readonly NodeId[];
  readonly reply: (request: RequestId, reply: Reply) => void;
}

/** SUBSCRIBERS: adds up what the nodes say that may have subscribers. */
export class SubscriberCounts {
  /** What was said so far, by the poll. */
  private readonly sums = new Map<number, number[]>();
  private bytes = 0;

  constructor(private readonly options: SubscriberCountsOptions) {}

  ask(request: RequestId, topics: readonly Topic[], nowMs: number): void {
    const { polls, countOf, nodesWanting, reply } = this.options;
    const sums = topics.map(countOf);
    const nodes = new Set(topics.flatMap(nodesWanting));
    if (nodes.size === 0) return reply(request, okReply(countsText(topics, sums)));
    if (this.bytes >= limits.countingBytesMax) {
      const what = `topics of ${formatSize(limits.countingBytesMax)} are being counted already`;
      return reply(request, errorReply('BUSY', `retry-after=100ms ${what}`));
    }
    const bytes = costOf(topics);
    this.bytes += bytes;
    const done = (): void => {
      this.bytes -= bytes;
      this.sums.delete(poll);
      reply(request, okReply(countsText(topics, sums)));
    };
    const poll = polls.ask([...nodes], (seq) => ({ type: 'count_subscribers', seq, topics }), {
      nowMs,
      done,
    });
    this.sums.set(poll, sums);
  }

  take(
    from: NodeId,
    { seq, counts }: { readonly seq: number; readonly counts: readonly number[] },
    nowMs: number,
  ): void {
    const sums = this.sums.get(seq);
    if (sums === undefined || !this.options.polls.expects(from, seq)) return;
    for (let index = 0; index < sums.length; index++)
      sums[index] = (sums[index] as number) + (counts[index] ?? 0);
    this.options.polls.answered(from, seq, nowMs);
  }
}

function costOf(topics: readonly Topic[]): number {
  return topics.reduce((bytes, topic) => bytes + topicBytes + topic.length, countingBytes);
}

/** By hand: a topic may be called `__proto__`. Names hold nothing that JSON would escape. */
function countsText(topics: readonly Topic[], counts: readonly number[]): string {
  return `{${topics.map((topic, index) => `"${topic}":${counts[index]}`).join(',')}}`;
}
