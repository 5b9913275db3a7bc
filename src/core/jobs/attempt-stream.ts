import { Fifo } from '../fifo.js';
import type { NodeId } from '../ids.js';
import { chunkBytes } from '../item.js';
import type { AttemptKey, JobMessage } from '../messages.js';
import type { Payload } from '../payload.js';
import type { AttemptOutcome } from './record.js';

type Deliver = (to: NodeId, message: JobMessage) => void;

/** What an attempt on this node yields, on its way to its owner. */
export class AttemptStream {
  /** What the owner has not said that it has; null: the end. No more than the room that it has given. */
  private readonly untaken = new Fifo<{ readonly number: number; readonly chunk: Payload | null }>();
  private number = 0;
  /** Bytes of all that the owner has. */
  takenBytes = 0;
  /** How the attempt ended: told once the owner has all that it yielded before. */
  outcome: AttemptOutcome | null = null;

  constructor(
    private readonly owner: NodeId,
    private readonly key: AttemptKey,
    private readonly deliver: Deliver,
  ) {}

  add(chunk: Payload): void {
    this.push(chunk);
  }

  end(outcome: AttemptOutcome): void {
    this.outcome = outcome;
    this.push(null);
  }

  /** The owner has all up to this number. */
  taken(number: number): void {
    const { untaken } = this;
    for (let first = untaken.peek(); first !== undefined && first.number <= number; first = untaken.peek()) {
      untaken.shift();
      this.takenBytes += first.chunk === null ? 0 : chunkBytes(first.chunk);
    }
  }

  /** Whether the owner has all of it, and is now to hear how it ended. */
  get isTaken(): boolean {
    return this.outcome !== null && this.untaken.length === 0;
  }

  /** On a new link. */
  sendAgain(): void {
    for (const each of this.untaken) this.send(each.number, each.chunk);
  }

  private push(chunk: Payload | null): void {
    const number = ++this.number;
    this.untaken.push({ number, chunk });
    this.send(number, chunk);
  }

  private send(number: number, chunk: Payload | null): void {
    this.deliver(this.owner, { type: 'stream_chunk', key: this.key, number, chunk });
  }
}

/** Whether the owner makes something of it: an attempt that was only stopped begins anew elsewhere. */
export function isLasting({ type }: AttemptOutcome): boolean {
  return type !== 'stopped' && type !== 'displaced';
}
