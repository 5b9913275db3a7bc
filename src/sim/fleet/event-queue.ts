const slotsAtFirst = 1024;

/**
 * What lies ahead, the earliest first: a binary heap of numbers, with what each event is about in arrays beside it. A million
 * events a second cost no object and no closure each. What is due at the same moment comes in an order that the same calls repeat.
 */
export class EventQueue {
  /** Of the event taken last. */
  atMs = 0;
  kind = 0;
  subject: unknown = null;
  payload: unknown = null;
  #size = 0;
  #times = new Float64Array(slotsAtFirst);
  #slots = new Int32Array(slotsAtFirst);
  #kinds = new Uint8Array(slotsAtFirst);
  readonly #subjects: unknown[] = [];
  readonly #payloads: unknown[] = [];
  readonly #freeSlots: number[] = [];

  get size(): number {
    return this.#size;
  }

  /** When the next event is due, or Infinity. */
  get nextMs(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  add(atMs: number, kind: number, subject: unknown, payload: unknown): void {
    if (this.#size === this.#times.length) this.#grow();
    const slot = this.#freeSlots.pop() ?? this.#size;
    this.#kinds[slot] = kind;
    this.#subjects[slot] = subject;
    this.#payloads[slot] = payload;
    this.#siftUp(this.#size++, atMs, slot);
  }

  /** Takes the next event out; the fields above then tell it. False when there is none. */
  take(): boolean {
    if (this.#size === 0) return false;
    const slot = this.#slots[0] as number;
    this.atMs = this.#times[0] as number;
    this.kind = this.#kinds[slot] as number;
    this.subject = this.#subjects[slot];
    this.payload = this.#payloads[slot];
    this.#subjects[slot] = null;
    this.#payloads[slot] = null;
    this.#freeSlots.push(slot);
    const last = --this.#size;
    if (last > 0) this.#siftDown(this.#times[last] as number, this.#slots[last] as number);
    return true;
  }

  #siftUp(start: number, atMs: number, slot: number): void {
    const [times, slots] = [this.#times, this.#slots];
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if ((times[parent] as number) <= atMs) break;
      times[index] = times[parent] as number;
      slots[index] = slots[parent] as number;
      index = parent;
    }
    times[index] = atMs;
    slots[index] = slot;
  }

  #siftDown(atMs: number, slot: number): void {
    const [times, slots, size] = [this.#times, this.#slots, this.#size];
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && (times[child + 1] as number) < (times[child] as number)) child++;
      if ((times[child] as number) >= atMs) break;
      times[index] = times[child] as number;
      slots[index] = slots[child] as number;
      index = child;
    }
    times[index] = atMs;
    slots[index] = slot;
  }

  #grow(): void {
    const length = 2 * this.#times.length;
    const [times, slots, kinds] = [this.#times, this.#slots, this.#kinds];
    this.#times = new Float64Array(length);
    this.#times.set(times);
    this.#slots = new Int32Array(length);
    this.#slots.set(slots);
    this.#kinds = new Uint8Array(length);
    this.#kinds.set(kinds);
  }
}
