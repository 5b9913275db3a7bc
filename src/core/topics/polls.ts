import type { NodeId } from '../ids.js';
import { limits } from '../limits.js';
import type { TopicMessage } from './topic-messages.js';

/** A question to several nodes, and who has not answered it. */
export interface Poll {
  readonly seq: number;
  readonly question: TopicMessage;
  readonly waiting: Set<NodeId>;
  readonly endsMs: number;
  /** All have answered, or the time is over, or nobody is left to answer. Called once. */
  readonly done: (nowMs: number) => void;
}

export interface PollsOptions {
  readonly send: (to: NodeId, message: TopicMessage) => void;
}

/** Questions under way. Each is asked again over a new link, and over in a second, with those answers that have come. */
export class Polls {
  /** The earliest end first, as all take the same time. */
  private readonly polls = new Map<number, Poll>();
  private lastSeq = 0;

  constructor(private readonly options: PollsOptions) {}

  ask(
    nodes: readonly NodeId[],
    question: (seq: number) => TopicMessage,
    { nowMs, done }: { readonly nowMs: number; readonly done: (nowMs: number) => void },
  ): number {
    const seq = ++this.lastSeq;
    const endsMs = nowMs + limits.topicAnswerMs;
    const poll: Poll = { seq, question: question(seq), waiting: new Set(nodes), endsMs, done };
    this.polls.set(seq, poll);
    for (const node of nodes) this.options.send(node, poll.question);
    this.endIfAnswered(poll, nowMs);
    return seq;
  }

  /** Whether this is the answer of a node that was asked, which comes once. */
  expects(from: NodeId, seq: number): boolean {
    return this.polls.get(seq)?.waiting.has(from) ?? false;
  }

  /** To be called once its answer has been taken. */
  answered(from: NodeId, seq: number, nowMs: number): void {
    const poll = this.polls.get(seq);
    if (poll?.waiting.delete(from)) this.endIfAnswered(poll, nowMs);
  }

  /** Ends it with what there is. */
  end(seq: number, nowMs: number): void {
    const poll = this.polls.get(seq);
    if (poll === undefined) return;
    this.polls.delete(seq);
    poll.done(nowMs);
  }

  /** Nobody wants to know any more. */
  drop(seq: number): void {
    this.polls.delete(seq);
  }

  contactOpened(node: NodeId): void {
    for (const { waiting, question } of this.polls.values())
      if (waiting.has(node)) this.options.send(node, question);
  }

  /** It will not answer. */
  nodeGone(node: NodeId, nowMs: number): void {
    for (const { seq } of [...this.polls.values()]) this.answered(node, seq, nowMs);
  }

  tick(nowMs: number): void {
    for (const { seq, endsMs } of this.polls.values()) {
      if (endsMs > nowMs) return;
      this.end(seq, nowMs);
    }
  }

  nextDeadlineMs(): number {
    const first = this.polls.values().next().value;
    return first === undefined ? Number.POSITIVE_INFINITY : first.endsMs;
  }

  private endIfAnswered(poll: Poll, nowMs: number): void {
    if (poll.waiting.size === 0) this.end(poll.seq, nowMs);
  }
}
