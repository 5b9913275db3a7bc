import type { ClientCommand } from '../commands.js';
import { Deadlines } from '../deadlines.js';
import type { NodeId } from '../ids.js';
import type { JobMessage } from '../messages.js';
import { errorReply, type Reply } from '../reply.js';

/** A request that another node answers. */
interface Ask {
  readonly seq: number;
  readonly to: NodeId;
  readonly command: ClientCommand;
  readonly answered: (reply: Reply) => void;
}

export interface AsksOptions {
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  readonly nameOf: (node: NodeId) => string;
}

/** Asks of this node that are not answered, over all other nodes. */
export const asksMax = 100_000;

/**
 * Requests that this node passes on for its clients. What is asked may be asked twice without harm, so an ask whose
 * link broke goes out again on the next link; it ends with an answer, with the other node's death, or in time.
 */
export class Asks {
  private readonly pending = new Map<number, Ask>();
  private readonly expiries = new Deadlines<Ask>();
  private nextSeq = 1;

  constructor(private readonly options: AsksOptions) {}

  /** Null timeout: for as long as the other node lives. Returns a number to abandon it by. */
  ask(to: NodeId, command: ClientCommand, endsAtMs: number | null, answered: (reply: Reply) => void): number {
    if (this.pending.size >= asksMax) {
      answered(errorReply('BUSY', `retry-after=1s ${asksMax} requests wait for answers of other nodes`));
      return 0;
    }
    const ask: Ask = { seq: this.nextSeq++, to, command, answered };
    this.pending.set(ask.seq, ask);
    if (endsAtMs !== null) this.expiries.add(endsAtMs, ask);
    this.options.deliver(to, { type: 'ask', seq: ask.seq, command });
    return ask.seq;
  }

  handleAnswer(from: NodeId, seq: number, reply: Reply): void {
    const ask = this.pending.get(seq);
    // An answer that nobody asked this node for is no answer.
    if (ask === undefined || ask.to !== from) return;
    this.pending.delete(seq);
    ask.answered(reply);
  }

  abandon(seq: number): void {
    const ask = this.pending.get(seq);
    if (ask === undefined) return;
    this.pending.delete(seq);
    this.options.deliver(ask.to, { type: 'ask_abandoned', seq });
  }

  contactOpened(node: NodeId): void {
    for (const { to, seq, command } of this.pending.values()) {
      if (to === node) this.options.deliver(node, { type: 'ask', seq, command });
    }
  }

  nodeGone(node: NodeId): void {
    for (const ask of [...this.pending.values()]) {
      if (ask.to === node) this.fail(ask, `node ${this.options.nameOf(node)} was lost before it answered`);
    }
  }

  tick(nowMs: number): void {
    for (let ask = this.expiries.takeDue(nowMs); ask !== undefined; ask = this.expiries.takeDue(nowMs)) {
      if (this.pending.has(ask.seq))
        this.fail(ask, `node ${this.options.nameOf(ask.to)} did not answer in time`);
    }
  }

  nextDeadlineMs(): number {
    return this.expiries.nextMs();
  }

  private fail(ask: Ask, why: string): void {
    this.pending.delete(ask.seq);
    ask.answered(errorReply('UNAVAILABLE', `${why}; what was asked may or may not have happened`));
  }
}
