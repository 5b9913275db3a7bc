/** A first-in, first-out queue: constant time at both ends, and memory given back as it drains. */
export class Fifo<Item> {
  private items: (Item | undefined)[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  push(item: Item): void {
    this.items.push(item);
  }

  /** Puts an item ahead of all others: work that was taken out and could not be done. */
  pushFront(item: Item): void {
    if (this.head === 0) this.items.unshift(item);
    else this.items[--this.head] = item;
  }

  peek(): Item | undefined {
    return this.items[this.head];
  }

  /** The item so many places behind the first. */
  at(index: number): Item | undefined {
    return this.items[this.head + index];
  }

  shift(): Item | undefined {
    if (this.head === this.items.length) return undefined;
    const item = this.items[this.head];
    this.items[this.head++] = undefined;
    // Moving the rest down when half the array is empty costs one move an item, however long the queue gets.
    if (this.head >= 1024 && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    } else if (this.head === this.items.length) {
      this.items.length = 0;
      this.head = 0;
    }
    return item;
  }

  /** Keeps only the items that pass. */
  retain(keep: (item: Item) => boolean): void {
    this.items = (this.items.slice(this.head) as Item[]).filter(keep);
    this.head = 0;
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let index = this.head; index < this.items.length; index++) yield this.items[index] as Item;
  }
}
