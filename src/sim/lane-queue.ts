import { Fifo } from '../core/fifo.js';
import type { Lane } from '../core/messages.js';

interface Entry<Item> {
  readonly item: Item;
  readonly bytes: number;
}

/** What waits in two lanes, the control lane first, and how many bytes it would take. */
export class LaneQueue<Item> {
  private readonly control = new Fifo<Entry<Item>>();
  private readonly bulk = new Fifo<Entry<Item>>();
  private waiting = 0;

  get bytes(): number {
    return this.waiting;
  }

  add(item: Item, { lane, bytes }: { lane: Lane; bytes: number }): void {
    (lane === 'control' ? this.control : this.bulk).push({ item, bytes });
    this.waiting += bytes;
  }

  /** The next items: until they come to `bytesMax` or more, or there are no more. */
  take(bytesMax: number): { items: Item[]; bytes: number } {
    const items: Item[] = [];
    let bytes = 0;
    while (bytes < bytesMax) {
      const entry = this.control.shift() ?? this.bulk.shift();
      if (entry === undefined) break;
      items.push(entry.item);
      bytes += entry.bytes;
    }
    this.waiting -= bytes;
    return { items, bytes };
  }

  clear(): void {
    while (this.control.shift() ?? this.bulk.shift()) {}
    this.waiting = 0;
  }
}
