import { Fifo } from '../core/fifo.js';
import { MessageBytes } from './message-bytes.js';

/** What is said in one go: text, or text and raw bytes in turn. */
export type Words = string | readonly (string | Uint8Array)[];

/** A request whose answer is still due, or waits for those before it. */
export interface Slot {
  readonly tag: string | null;
  /** The number that the node knows the request by; null: the connection answers it. */
  readonly seq: number | null;
  /** The answer of an untagged request, kept until it is its turn; and before it, what else was said of it meanwhile. */
  answer: Said | null;
  waiting: Waiting[] | null;
  next: Slot | null;
}

/** Words, and what they take as UTF-8. */
export interface Said {
  readonly words: Words;
  readonly bytes: number;
}

interface Waiting {
  readonly said: Said;
  readonly isMessage: boolean;
}

/** What is written at once. */
export interface Piece {
  readonly data: string | Uint8Array;
  readonly bytes: number;
}

/** Texts are gathered into pieces of about this size, each of which is sent in one write; a longer one is a piece of its own. */
const textBytesMax = 256 * 1024;

/**
 * Puts what is said in the order in which a client may hear it: untagged requests in the order in which they came, tagged ones at once. The
 * items of a request come before its answer.
 */
export class AnswerQueue {
  /** Untagged requests in their order, as a linked list. */
  private first: Slot | null = null;
  private last: Slot | null = null;
  private dueCount = 0;
  /** Pieces that are full, and the text that is not. */
  private readonly pieces = new Fifo<Piece>();
  private output = '';
  private outputBytes = 0;
  private keptBytes = 0;
  private saidBytes = 0;
  private readonly messages = new MessageBytes();

  /** `turnCame`: of an untagged request all before it are answered, and what is said of it is sent from now on. */
  constructor(private readonly turnCame: (slot: Slot) => void = () => {}) {}

  /** Requests whose answer is not in the output yet. */
  get due(): number {
    return this.dueCount;
  }

  get hasOutput(): boolean {
    return this.output !== '' || this.pieces.length > 0;
  }

  /** What all that is kept takes as UTF-8, in the output or not yet. */
  get bytes(): number {
    return this.keptBytes;
  }

  /** All that was ever put into the output: where what comes next begins. */
  get position(): number {
    return this.saidBytes;
  }

  /** A place for the answer of a request that was just read. */
  enter(tag: string | null, seq: number | null = null): Slot {
    const slot: Slot = { tag, seq, answer: null, waiting: null, next: null };
    this.dueCount++;
    if (tag !== null) return slot;
    if (this.last === null) this.first = slot;
    else this.last.next = slot;
    this.last = slot;
    return slot;
  }

  /** Whether what is said of this request goes out at once. */
  isInTurn(slot: Slot): boolean {
    return slot.tag !== null || slot === this.first;
  }

  /** An item of a request, before its answer. */
  add(slot: Slot, said: Said): void {
    this.enqueue(slot, { said, isMessage: false });
  }

  /** A message for a subscription, in words without a tag; returns what all messages take that are not written. */
  addMessage(slot: Slot, said: Said): number {
    this.enqueue(slot, { said: slot.tag === null ? said : tagged(slot.tag, said), isMessage: true });
    return this.messages.count;
  }

  /** So much of the output in all is on the socket now. */
  written(position: number): void {
    this.messages.written(position);
  }

  /** The answer has come; it is said at once, or when those before it have been. */
  settle(slot: Slot, words: Words): void {
    const answer = saidOf(words);
    this.keptBytes += answer.bytes;
    if (slot.tag !== null) {
      this.say(answer);
      return;
    }
    slot.answer = answer;
    if (slot !== this.first) return;
    while (this.first !== null && this.first.answer !== null) {
      this.say(this.first.answer);
      this.first = this.first.next;
      if (this.first !== null) this.begin(this.first);
    }
    if (this.first === null) this.last = null;
  }

  /** Adds what answers no slot: the last word. */
  append(words: Words): void {
    const said = saidOf(words);
    this.keptBytes += said.bytes;
    this.put(said);
  }

  /** The next piece to send, of whole lines and bodies but where these are large; null when there is none. */
  takeOutput(): Piece | null {
    let piece = this.pieces.shift() ?? null;
    if (piece === null) {
      if (this.output === '') return null;
      piece = { data: this.output, bytes: this.outputBytes };
      this.output = '';
      this.outputBytes = 0;
    }
    this.keptBytes -= piece.bytes;
    return piece;
  }

  /** Forgets all that was said and all that is due. */
  clear(): void {
    this.first = null;
    this.last = null;
    this.dueCount = 0;
    this.pieces.retain(() => false);
    this.output = '';
    this.outputBytes = 0;
    this.keptBytes = 0;
    this.messages.clear();
  }

  private enqueue(slot: Slot, waiting: Waiting): void {
    const { said, isMessage } = waiting;
    this.keptBytes += said.bytes;
    if (this.isInTurn(slot)) {
      this.put(said);
      if (isMessage) this.messages.put(said.bytes, this.saidBytes);
      return;
    }
    if (isMessage) this.messages.wait(said.bytes);
    if (slot.waiting === null) slot.waiting = [waiting];
    else slot.waiting.push(waiting);
  }

  private begin(slot: Slot): void {
    for (const { said, isMessage } of slot.waiting ?? []) {
      this.put(said);
      if (!isMessage) continue;
      this.messages.turnCame(said.bytes);
      this.messages.put(said.bytes, this.saidBytes);
    }
    slot.waiting = null;
    if (slot.answer === null) this.turnCame(slot);
  }

  private say(answer: Said): void {
    this.put(answer);
    this.dueCount--;
  }

  private put({ words, bytes }: Said): void {
    this.saidBytes += bytes;
    if (typeof words === 'string') {
      this.putText(words, bytes);
      return;
    }
    for (const part of words) {
      if (typeof part === 'string') this.putText(part, Buffer.byteLength(part));
      else {
        this.endText();
        this.pieces.push({ data: part, bytes: part.length });
      }
    }
  }

  private putText(text: string, bytes: number): void {
    if (this.outputBytes > 0 && this.outputBytes + bytes > textBytesMax) this.endText();
    this.output += text;
    this.outputBytes += bytes;
  }

  private endText(): void {
    if (this.output === '') return;
    this.pieces.push({ data: this.output, bytes: this.outputBytes });
    this.output = '';
    this.outputBytes = 0;
  }
}

export function saidOf(words: Words): Said {
  if (typeof words === 'string') return { words, bytes: Buffer.byteLength(words) };
  let bytes = 0;
  for (const part of words) bytes += typeof part === 'string' ? Buffer.byteLength(part) : part.length;
  return { words, bytes };
}

/** The same words with a tag before them. */
function tagged(tag: string, { words, bytes }: Said): Said {
  const head = `@${tag} `;
  const more = bytes + head.length;
  return typeof words === 'string'
    ? { words: head + words, bytes: more }
    : { words: [head, ...words], bytes: more };
}
