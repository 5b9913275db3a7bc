import { Fifo } from '../fifo.js';

/** Numbers of what was removed that are kept before they are looked through. */
const staleMax = 1_024;

/** Something that is sent to another node until that one says that it has it. */
export interface WindowItem {
  readonly seq: number;
  readonly bytes: number;
}

/**
 * What waits to be sent to one node, and what is on its way there: no more than so many bytes at once, since a link's queue is
 * bounded; the item that goes over it is sent still.
 */
export class SendWindow<Item extends WindowItem> {
  private readonly inFlight = new Map<number, Item>();
  private readonly unsent = new Map<number, Item>();
  /** In the order of sending; what has been removed since is passed over. */
  private order = new Fifo<number>();
  private bytesInFlight = 0;

  constructor(private readonly bytesMax: number) {}

  push(item: Item): void {
    this.unsent.set(item.seq, item);
    this.order.push(item.seq);
    // What is removed leaves its number behind.
    if (this.order.length > 2 * this.unsent.size + staleMax) this.order.retain((seq) => this.unsent.has(seq));
  }

  /** The next one to send now, or undefined. */
  next(): Item | undefined {
    if (this.bytesInFlight >= this.bytesMax) return undefined;
    for (let seq = this.order.shift(); seq !== undefined; seq = this.order.shift()) {
      const item = this.unsent.get(seq);
      if (item === undefined) continue;
      this.unsent.delete(seq);
      this.inFlight.set(seq, item);
      this.bytesInFlight += item.bytes;
      return item;
    }
    return undefined;
  }

  /** It has arrived, or is not wanted any more. */
  remove(seq: number): void {
    const item = this.inFlight.get(seq);
    if (item === undefined) this.unsent.delete(seq);
    else {
      this.inFlight.delete(seq);
      this.bytesInFlight -= item.bytes;
    }
  }

  /** What was on its way may be lost with its link: all that `isLost` goes out again, before everything else. */
  rewind(isLost: (seq: number) => boolean = () => true): void {
    const lost = [...this.inFlight.values()].filter(({ seq }) => isLost(seq));
    const rest = this.order;
    this.order = new Fifo();
    for (const item of lost) {
      this.remove(item.seq);
      this.push(item);
    }
    for (const seq of rest) if (this.unsent.has(seq)) this.order.push(seq);
  }

  /** Items and leftovers that take up memory, for checks of its bound. */
  get keptCount(): number {
    return this.order.length + this.inFlight.size;
  }

  /** Whether it waits here still. */
  isUnsent(seq: number): boolean {
    return this.unsent.has(seq);
  }
}
