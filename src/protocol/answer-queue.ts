import { Fifo } from '../core/fifo.js';

/** A request whose answer is still due, or waits for those before it. */
export interface Slot {
  readonly tag: string | null;
  /** The answer of an untagged request, kept until it is its turn. */
  answer: Answer | null;
  next: Slot | null;
}

interface Answer {
  readonly line: string;
  readonly bytes: number;
}

/** Answers are gathered into texts of about this size, each of which is sent in one write; a longer one is a text of its own. */
const textBytesMax = 256 * 1024;

/** Puts answers in the order in which a client may hear them: untagged ones in the order of their requests, tagged ones at once. */
export class AnswerQueue {
  /** Untagged requests in their order, as a linked list. */
  private first: Slot | null = null;
  private last: Slot | null = null;
  private dueCount = 0;
  /** Texts that are full, and the one that is not. */
  private readonly texts = new Fifo<Answer>();
  private output = '';
  private outputBytes = 0;
  private keptBytes = 0;

  /** Requests whose answer is not in the output yet. */
  get due(): number {
    return this.dueCount;
  }

  get hasOutput(): boolean {
    return this.output !== '' || this.texts.length > 0;
  }

  /** What all answers that are kept take as UTF-8, in the output or not yet. */
  get bytes(): number {
    return this.keptBytes;
  }

  /** A place for the answer of a request that was just read. */
  enter(tag: string | null): Slot {
    const slot: Slot = { tag, answer: null, next: null };
    this.dueCount++;
    if (tag !== null) return slot;
    if (this.last === null) this.first = slot;
    else this.last.next = slot;
    this.last = slot;
    return slot;
  }

  /** The answer has come; it is said at once, or when those before it have been. */
  settle(slot: Slot, line: string): void {
    const answer = { line, bytes: Buffer.byteLength(line) };
    this.keptBytes += answer.bytes;
    if (slot.tag !== null) {
      this.say(answer);
      return;
    }
    slot.answer = answer;
    while (this.first !== null && this.first.answer !== null) {
      this.say(this.first.answer);
      this.first = this.first.next;
    }
    if (this.first === null) this.last = null;
  }

  /** Adds what answers no slot: the last word. */
  append(line: string): void {
    const bytes = Buffer.byteLength(line);
    this.keptBytes += bytes;
    this.put({ line, bytes });
  }

  /** The next text to send, of whole lines; empty when there is none. */
  takeOutput(): string {
    const full = this.texts.shift();
    if (full !== undefined) {
      this.keptBytes -= full.bytes;
      return full.line;
    }
    const { output } = this;
    this.keptBytes -= this.outputBytes;
    this.output = '';
    this.outputBytes = 0;
    return output;
  }

  /** Forgets all answers, said or due. */
  clear(): void {
    this.first = null;
    this.last = null;
    this.dueCount = 0;
    this.texts.retain(() => false);
    this.output = '';
    this.outputBytes = 0;
    this.keptBytes = 0;
  }

  private say(answer: Answer): void {
    this.put(answer);
    this.dueCount--;
  }

  private put({ line, bytes }: Answer): void {
    if (this.outputBytes > 0 && this.outputBytes + bytes > textBytesMax) {
      this.texts.push({ line: this.output, bytes: this.outputBytes });
      this.output = '';
      this.outputBytes = 0;
    }
    this.output += line;
    this.outputBytes += bytes;
  }
}
