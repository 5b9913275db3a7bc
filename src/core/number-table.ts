const placesMin = 8;
/** More than are in flight at once where much is; each place takes 16 bytes. */
const placesMax = 4_096;
/** One that is empty and has more gives them back. */
const placesKeptMax = 512;
/** Numbers may leave out those that others have, so that only one place in so many is taken when two meet. */
const sparseness = 4;
/** No key is 0. */
const free = 0;

/**
 * A map from numbers that rise, such as those of requests, to what is under way for each. Nearly all are taken out soon after they
 * were put in, so each has a place of its own among the latest; one that stays for so long that its place is needed moves to a map. That takes
 * no hashing, and no memory for each, which a map takes again and again as entries come and go. Numbers that don't rise only cost more.
 */
export class NumberTable<Value> {
  private keyAt: number[] = [];
  private valueAt: (Value | undefined)[] = [];
  private recent = 0;
  /** Those whose place a later one has taken. */
  private readonly older = new Map<number, Value>();

  get size(): number {
    return this.recent + this.older.size;
  }

  get(key: number): Value | undefined {
    const place = key & (this.keyAt.length - 1);
    if (this.keyAt[place] === key) return this.valueAt[place];
    return this.older.size === 0 ? undefined : this.older.get(key);
  }

  has(key: number): boolean {
    return this.get(key) !== undefined;
  }

  /** `key` is a whole number and not 0; `value` is never undefined. */
  set(key: number, value: Value): void {
    if (this.older.has(key)) {
      this.older.set(key, value);
      return;
    }
    let place = this.placeFor(key);
    for (let taken = this.keyAt[place]; taken !== free && taken !== key; taken = this.keyAt[place]) {
      if (this.mayGrow) this.grow();
      else this.moveToOlder(place);
      place = this.placeFor(key);
    }
    if (this.keyAt[place] === free) this.recent++;
    this.keyAt[place] = key;
    this.valueAt[place] = value;
  }

  delete(key: number): boolean {
    // Whoever asks may have been told any number.
    if (key === free) return false;
    const place = key & (this.keyAt.length - 1);
    if (this.keyAt[place] !== key) return this.older.size > 0 && this.older.delete(key);
    this.clearPlace(place);
    return true;
  }

  clear(): void {
    this.keyAt = [];
    this.valueAt = [];
    this.recent = 0;
    this.older.clear();
  }

  /** In order of their numbers, as they are now. */
  keys(): number[] {
    const keys = [...this.older.keys(), ...this.keyAt.filter((key) => key !== free)];
    return keys.sort((a, b) => a - b);
  }

  /** In order of their numbers, as they are now. */
  values(): Value[] {
    return this.keys().map((key) => this.get(key) as Value);
  }

  /** A few that stay are in the way of all others sooner or later, however many places there are. */
  private get mayGrow(): boolean {
    return this.keyAt.length < placesMax && this.recent >= this.keyAt.length / sparseness;
  }

  private placeFor(key: number): number {
    if (this.keyAt.length === 0) this.resize(placesMin);
    return key & (this.keyAt.length - 1);
  }

  private clearPlace(place: number): void {
    this.keyAt[place] = free;
    this.valueAt[place] = undefined;
    this.recent--;
    if (this.recent > 0 || this.keyAt.length <= placesKeptMax) return;
    this.keyAt = [];
    this.valueAt = [];
  }

  private moveToOlder(place: number): void {
    this.older.set(this.keyAt[place] as number, this.valueAt[place] as Value);
    this.clearPlace(place);
  }

  private grow(): void {
    const { keyAt, valueAt } = this;
    this.resize(2 * keyAt.length);
    for (const [place, key] of keyAt.entries()) {
      if (key === free) continue;
      // No two of them meet: they had places of their own by fewer bits.
      const next = key & (this.keyAt.length - 1);
      this.keyAt[next] = key;
      this.valueAt[next] = valueAt[place];
    }
  }

  private resize(capacity: number): void {
    // Pushed one by one, so that they have no holes, which make each access slower.
    this.keyAt = [];
    this.valueAt = [];
    while (this.keyAt.length < capacity) {
      this.keyAt.push(free);
      this.valueAt.push(undefined);
    }
  }
}
