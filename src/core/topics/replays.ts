import type { NodeId, RequestId } from '../ids.js';
import type { Message } from '../item.js';
import { limits } from '../limits.js';
import { replayedBytes } from './kept-search.js';
import type { Polls } from './polls.js';
import { lastOf, type Numbered, type Recalled, withLive } from './replay-order.js';
import type { Topic } from './topic.js';
import type { KeptMessage } from './topic-messages.js';

/** A subscription that is told first what was published before it. */
interface Replay {
  readonly request: RequestId;
  readonly topics: readonly Topic[];
  readonly count: number;
  /** Null: nobody has been asked yet. */
  poll: number | null;
  recalled: Recalled[];
  recalledBytes: number;
  /** Messages that have come since. */
  readonly live: Numbered[];
  liveBytes: number;
}

export interface ReplaysOptions {
  readonly polls: Polls;
  /** All members that take part, this node among them. */
  readonly nodes: () => readonly NodeId[];
  readonly deliver: (request: RequestId, message: Message) => void;
}

/** More than this of one replay is looked through before all has come. */
const recalledBytesHigh = 4 * limits.replayedBytesMax;

/**
 * Replays under way. What is published meanwhile is held back, so that it comes behind them, without a gap or a double: other nodes are
 * asked once they know of the subscription, and what both the answer and the link bring is told once.
 */
export class Replays {
  private readonly replays = new Map<RequestId, Replay>();
  private readonly byPoll = new Map<number, Replay>();
  /** Nothing more is waited for: their clients are told in a tick to come. */
  private readonly over = new Set<Replay>();
  private bytes = 0;

  constructor(private readonly options: ReplaysOptions) {}

  get isAny(): boolean {
    return this.replays.size > 0;
  }

  get hasRoom(): boolean {
    return this.replays.size < limits.replaysAtOnceMax;
  }

  get hasEnded(): boolean {
    return this.over.size > 0;
  }

  begin(request: RequestId, topics: readonly Topic[], count: number): void {
    this.replays.set(request, {
      request,
      topics,
      count,
      poll: null,
      recalled: [],
      recalledBytes: 0,
      live: [],
      liveBytes: 0,
    });
  }

  /** The other nodes know what this one wants: those that wait for it ask now. */
  askAll(nowMs: number): void {
    for (const replay of this.replays.values())
      if (replay.poll === null && !this.over.has(replay)) this.ask(replay, nowMs);
  }

  /** Tells those whose replay has ended, and no more at once than may hold up others. */
  tick(): void {
    let left = limits.replayStepsPerTickMax;
    for (const replay of this.over) {
      if (left <= 0) return;
      left -= 1 + this.finish(replay);
    }
  }

  /** Whether the message is held back for this request. */
  holdBack(request: RequestId, numbered: Numbered, nowMs: number): boolean {
    const replay = this.replays.get(request);
    if (replay === undefined) return false;
    replay.live.push(numbered);
    const bytes = replayedBytes(numbered.message);
    replay.liveBytes += bytes;
    this.bytes += bytes;
    if (replay.liveBytes > limits.heldBackBytesMax) this.endNow(replay, nowMs);
    this.makeRoom(replay, nowMs);
    return true;
  }

  /** What another node has kept. */
  answered(from: NodeId, seq: number, messages: readonly KeptMessage[], nowMs: number): void {
    const replay = this.byPoll.get(seq);
    if (replay === undefined || !this.options.polls.expects(from, seq)) return;
    this.recall(replay, from, messages);
    this.options.polls.answered(from, seq, nowMs);
    this.makeRoom(replay, nowMs);
  }

  abandon(request: RequestId): void {
    const replay = this.replays.get(request);
    if (replay === undefined) return;
    if (replay.poll !== null) this.options.polls.drop(replay.poll);
    this.forget(replay);
  }

  private ask(replay: Replay, nowMs: number): void {
    const { topics, count } = replay;
    replay.poll = this.options.polls.ask(
      this.options.nodes(),
      (seq) => ({ type: 'replay_wanted', seq, count, topics }),
      { nowMs, done: () => this.over.add(replay) },
    );
    this.byPoll.set(replay.poll, replay);
  }

  private recall(replay: Replay, publisher: NodeId, messages: readonly KeptMessage[]): void {
    for (const { topic, number, wallMs, payload } of messages)
      replay.recalled.push({ publisher, number, wallMs, message: { topic, payload } });
    this.count(replay, messages);
    if (replay.recalledBytes > recalledBytesHigh) {
      replay.recalled = lastOf(replay.recalled, replay.count);
      this.bytes -= replay.recalledBytes;
      replay.recalledBytes = 0;
      this.count(
        replay,
        replay.recalled.map(({ message }) => message),
      );
    }
  }

  private count(replay: Replay, messages: readonly Pick<KeptMessage, 'topic' | 'payload'>[]): void {
    let bytes = 0;
    for (const message of messages) bytes += replayedBytes(message);
    replay.recalledBytes += bytes;
    this.bytes += bytes;
  }

  private endNow(replay: Replay, nowMs: number): void {
    if (replay.poll === null) this.over.add(replay);
    else this.options.polls.end(replay.poll, nowMs);
  }

  /** When all together take too much, those that have ended are told at once, and then this one. */
  private makeRoom(replay: Replay, nowMs: number): void {
    if (this.bytes <= limits.replaysBytesMax) return;
    this.endNow(replay, nowMs);
    for (const ended of this.over) {
      this.finish(ended);
      if (this.bytes <= limits.replaysBytesMax) return;
    }
  }

  /** Returns how many messages it has told. */
  private finish(replay: Replay): number {
    this.forget(replay);
    const messages = withLive(lastOf(replay.recalled, replay.count), replay.live);
    for (const message of messages) this.options.deliver(replay.request, message);
    return messages.length;
  }

  private forget(replay: Replay): void {
    this.replays.delete(replay.request);
    this.over.delete(replay);
    if (replay.poll !== null) this.byPoll.delete(replay.poll);
    this.bytes -= replay.recalledBytes + replay.liveBytes;
  }
}
