/** A request whose answer is still due, or waits for those before it. */
export interface Slot {
  readonly tag: string | null;
  /** The answer of an untagged request, kept until it is its turn. */
  line: string | null;
  next: Slot | null;
}

/** Puts answers in the order in which a client may hear them: untagged ones in the order of their requests, tagged ones at once. */
export class AnswerQueue {
  /** Untagged requests in their order, as a linked list. */
  private first: Slot | null = null;
  private last: Slot | null = null;
  private dueCount = 0;
  private output = '';
  private heldLength = 0;

  /** Requests whose answer is not in the output yet. */
  get due(): number {
    return this.dueCount;
  }

  get hasOutput(): boolean {
    return this.output !== '';
  }

  /** Characters of all answers that are held, in the output or not yet. */
  get length(): number {
    return this.output.length + this.heldLength;
  }

  /** A place for the answer of a request that was just read. */
  enter(tag: string | null): Slot {
    const slot: Slot = { tag, line: null, next: null };
    this.dueCount++;
    if (tag !== null) return slot;
    if (this.last === null) this.first = slot;
    else this.last.next = slot;
    this.last = slot;
    return slot;
  }

  /** The answer has come; it is said at once, or when those before it have been. */
  settle(slot: Slot, line: string): void {
    if (slot.tag !== null) {
      this.say(line);
      return;
    }
    slot.line = line;
    this.heldLength += line.length;
    while (this.first !== null && this.first.line !== null) {
      this.heldLength -= this.first.line.length;
      this.say(this.first.line);
      this.first = this.first.next;
    }
    if (this.first === null) this.last = null;
  }

  /** Adds what answers no slot: the last word. */
  append(line: string): void {
    this.output += line;
  }

  takeOutput(): string {
    const { output } = this;
    this.output = '';
    return output;
  }

  private say(line: string): void {
    this.output += line;
    this.dueCount--;
  }
}
