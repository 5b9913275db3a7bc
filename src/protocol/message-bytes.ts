import { Fifo } from '../core/fifo.js';

/** A part of the output that is messages and nothing else. */
interface Run {
  start: number;
  end: number;
}

/**
 * How many bytes of messages wait for a client, in its output or for their turn: other replies stand between them, which its subscriptions
 * must not be blamed for.
 */
export class MessageBytes {
  /** In the order of the output, those that follow each other as one. */
  private readonly runs = new Fifo<Run>();
  private last: Run | null = null;
  private waiting = 0;
  private inOutput = 0;

  get count(): number {
    return this.waiting + this.inOutput;
  }

  /** A message waits for its turn. */
  wait(bytes: number): void {
    this.waiting += bytes;
  }

  /** Its turn has come. */
  turnCame(bytes: number): void {
    this.waiting -= bytes;
  }

  /** A message was put into the output, which is `end` bytes long by now. */
  put(bytes: number, end: number): void {
    this.inOutput += bytes;
    if (this.last !== null && this.last.end === end - bytes) {
      this.last.end = end;
      return;
    }
    this.last = { start: end - bytes, end };
    this.runs.push(this.last);
  }

  /** All of the output up to there is on the socket. */
  written(position: number): void {
    for (let run = this.runs.peek(); run !== undefined && run.start < position; run = this.runs.peek()) {
      const upTo = Math.min(run.end, position);
      this.inOutput -= upTo - run.start;
      run.start = upTo;
      if (upTo < run.end) return;
      this.runs.shift();
      if (run === this.last) this.last = null;
    }
  }

  clear(): void {
    this.runs.retain(() => false);
    this.last = null;
    this.waiting = 0;
    this.inOutput = 0;
  }
}
