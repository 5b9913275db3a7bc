import { type Item, itemBytes } from '../item.js';
import { limits } from '../limits.js';
import type { Reply } from '../reply.js';

/** The items of one request that another node answers, as they arrive. */
export class ItemsIn {
  /** Number of the one that came last. */
  private last = 0;
  private receivedBytes = 0;
  private toldUpTo: number;
  /** The answer, and how many items came before it, some of which have not arrived. */
  early: { readonly reply: Reply; readonly items: number } | null = null;

  /** `room`: what the other node may send from the beginning. */
  constructor(private readonly room: number) {
    this.toldUpTo = room;
  }

  get number(): number {
    return this.last;
  }

  get upTo(): number {
    return this.toldUpTo;
  }

  /** Whether the other node has been told anything since the request. */
  get isTold(): boolean {
    return this.toldUpTo > this.room;
  }

  /** Whether it is the next one; others have come before, or will come again. */
  take(number: number, item: Item): boolean {
    if (number !== this.last + 1) return false;
    this.last = number;
    this.receivedBytes += itemBytes(item);
    return true;
  }

  /** `room`: bytes of items that are wanted now. True when that is worth telling. */
  give(room: number): boolean {
    const upTo = this.receivedBytes + room;
    const isUsedUp = this.toldUpTo <= this.receivedBytes;
    if (upTo <= this.toldUpTo || (!isUsedUp && upTo - this.toldUpTo < limits.itemWindowBytes / 4))
      return false;
    this.toldUpTo = upTo;
    return true;
  }
}
