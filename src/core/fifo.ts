const capacityMin = 16;
/** Room that is kept for good once it was needed: many queues fill and empty a hundred times a second. */
const keptMax = 256;

/** A first-in, first-out queue: constant time at both ends, in a ring that grows and shrinks with it. */
export class Fifo<Item> {
  /** A power of two long; made when it is first needed. */
  private ring: (Item | undefined)[] = [];
  private head = 0;
  private count = 0;

  get length(): number {
    return this.count;
  }

  push(item: Item): void {
    if (this.count === this.ring.length) this.resize(Math.max(capacityMin, 2 * this.count));
    this.ring[(this.head + this.count) & (this.ring.length - 1)] = item;
    this.count++;
  }

  /** Puts an item ahead of all others: work that was taken out and could not be done. */
  pushFront(item: Item): void {
    if (this.count === this.ring.length) this.resize(Math.max(capacityMin, 2 * this.count));
    this.head = (this.head - 1) & (this.ring.length - 1);
    this.ring[this.head] = item;
    this.count++;
  }

  peek(): Item | undefined {
    return this.count === 0 ? undefined : this.ring[this.head];
  }

  /** The item so many places behind the first. */
  at(index: number): Item | undefined {
    return index < this.count ? this.ring[(this.head + index) & (this.ring.length - 1)] : undefined;
  }

  shift(): Item | undefined {
    if (this.count === 0) return undefined;
    const item = this.ring[this.head];
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.count--;
    // A quarter full, halved: so a queue that stays about as long as it is moves nothing.
    if (this.ring.length > keptMax && this.count * 4 <= this.ring.length) this.resize(this.ring.length / 2);
    return item;
  }

  /** Keeps only the items that pass. */
  retain(keep: (item: Item) => boolean): void {
    const kept = [...this].filter(keep);
    let capacity = capacityMin;
    while (capacity < kept.length) capacity *= 2;
    this.replace(kept, capacity);
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let index = 0; index < this.count; index++) yield this.at(index) as Item;
  }

  private resize(capacity: number): void {
    this.replace([...this], capacity);
  }

  private replace(ring: (Item | undefined)[], capacity: number): void {
    this.count = ring.length;
    // Filled, so that it has no holes, which make each access slower.
    while (ring.length < capacity) ring.push(undefined);
    this.ring = ring;
    this.head = 0;
  }
}
