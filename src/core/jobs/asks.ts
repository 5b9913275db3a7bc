import { type Deadline, Deadlines } from '../deadlines.js';
import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobMessage, PeerCommand } from '../messages.js';
import { payloadBytes } from '../payload.js';
import { errorReply, type Reply } from '../reply.js';
import { type Debt, debtsByNode } from './debts.js';

/** A request that another node answers. */
interface Ask {
  readonly seq: number;
  readonly to: NodeId;
  readonly command: PeerCommand;
  readonly answered: Answered;
  readonly late: Reply | null;
  deadline: Deadline<Ask> | null;
  wasRepeated: boolean;
}

/** `now` is the moment of the answer: what follows from it happens then, and not when it was asked. */
export type Answered = (reply: Reply, now: Instant) => void;

export interface AskOptions {
  readonly to: NodeId;
  readonly command: PeerCommand;
  readonly now: Instant;
  /** Null: for as long as the other node lives. */
  readonly timeoutMs: number | null;
  /** The answer when that time is over; by default, that the other node did not answer. */
  readonly late?: Reply;
  readonly answered: Answered;
}

export interface AsksOptions {
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  readonly nameOf: (node: NodeId) => string;
}

/** Asks of this node that are not answered, over all other nodes; and those of one other node that are not answered here. */
export const asksMax = 100_000;
/** Arguments of jobs in them. */
export const askedBytesMax = 256 * 1024 * 1024;

/**
 * Requests that this node passes on for its clients. What is asked changes nothing when it is asked twice (only the
 * answer may say that it is done already), so an ask whose link broke goes out again on the next link; it ends with an
 * answer, with the other node's death, or in time.
 */
export class Asks {
  private readonly pending = new Map<number, Ask>();
  private readonly expiries = new Deadlines<Ask>();
  private nextSeq = 1;
  private bytes = 0;

  constructor(private readonly options: AsksOptions) {}

  /** Returns a number to abandon it by. */
  ask({ to, command, now, timeoutMs, late, answered }: AskOptions): number {
    const bytes = askedBytes(command);
    if (this.pending.size >= asksMax || this.bytes + bytes > askedBytesMax) {
      const why = `${this.pending.size} requests of ${this.bytes} bytes wait for answers of other nodes`;
      answered(errorReply('BUSY', `retry-after=1s ${why}`), now);
      return 0;
    }
    this.bytes += bytes;
    const ask: Ask = {
      seq: this.nextSeq++,
      to,
      command,
      answered,
      late: late ?? null,
      deadline: null,
      wasRepeated: false,
    };
    this.pending.set(ask.seq, ask);
    if (timeoutMs !== null) ask.deadline = this.expiries.add(now.monotonicMs + timeoutMs, ask);
    this.options.deliver(to, { type: 'ask', seq: ask.seq, command });
    return ask.seq;
  }

  handleAnswer(from: NodeId, { seq, reply }: Extract<JobMessage, { type: 'answer' }>, now: Instant): void {
    const ask = this.pending.get(seq);
    // An answer that nobody asked this node for is no answer.
    if (ask === undefined || ask.to !== from) return;
    this.end(ask);
    // The first one may have been refused, and the one after it be about to wait.
    if (ask.wasRepeated) this.options.deliver(from, { type: 'ask_abandoned', seq });
    ask.answered(reply, now);
  }

  abandon(seq: number): void {
    const ask = this.pending.get(seq);
    if (ask === undefined) return;
    this.end(ask);
    this.options.deliver(ask.to, { type: 'ask_abandoned', seq });
  }

  /** A new link: the other node has forgotten what was asked on the old one, and is asked again. */
  contactOpened(node: NodeId): void {
    for (const ask of this.pending.values()) {
      if (ask.to !== node) continue;
      ask.wasRepeated = true;
      this.options.deliver(node, { type: 'ask', seq: ask.seq, command: ask.command });
    }
  }

  /** Whether anything that was asked of that node is not answered. */
  waitsFor(node: NodeId): boolean {
    for (const { to } of this.pending.values()) if (to === node) return true;
    return false;
  }

  nodeGone(node: NodeId, now: Instant): void {
    const why = `node ${this.options.nameOf(node)} was lost before it answered`;
    for (const ask of [...this.pending.values()]) if (ask.to === node) this.fail(ask, why, now);
  }

  /** This node ends: whoever waits for another one's answer is told. */
  failAll(why: string, now: Instant): void {
    for (const ask of [...this.pending.values()]) this.fail(ask, why, now);
  }

  tick(now: Instant): void {
    for (
      let ask = this.expiries.takeDue(now.monotonicMs);
      ask !== undefined;
      ask = this.expiries.takeDue(now.monotonicMs)
    ) {
      this.abandon(ask.seq);
      if (ask.late !== null) ask.answered(ask.late, now);
      else this.fail(ask, `node ${this.options.nameOf(ask.to)} did not answer in time`, now);
    }
  }

  nextDeadlineMs(): number {
    return this.expiries.nextMs();
  }

  private end(ask: Ask): void {
    this.pending.delete(ask.seq);
    this.bytes -= askedBytes(ask.command);
    if (ask.deadline !== null) this.expiries.cancel(ask.deadline);
  }

  private fail(ask: Ask, why: string, now: Instant): void {
    this.end(ask);
    ask.answered(errorReply('UNAVAILABLE', `${why}; what was asked may or may not have happened`), now);
  }

  /** What is kept for asks now, for checkers. */
  debts(): Debt[] {
    const nodes = [...this.pending.values()].map(({ to }) => [to, 1] as const);
    return [
      ...debtsByNode('asks not answered', nodes, (count) => count),
      { kind: 'bytes asked', count: this.bytes, node: null },
      { kind: 'time-outs of asks', count: this.expiries.size, node: null },
    ];
  }
}

/** What a command keeps of memory, its few words aside. */
export function askedBytes(command: PeerCommand): number {
  return command.type === 'submit' ? payloadBytes(command.args) : 0;
}
