import type { NodeId } from './ids.js';

/** Gives each node's id a small number, for good, so that what many cores keep of the same nodes can stand in arrays. */
export class NodeNumbers {
  readonly #numbers = new Map<NodeId, number>();
  readonly #ids: NodeId[] = [];

  find(node: NodeId): number | undefined {
    return this.#numbers.get(node);
  }

  readonly idOf = (number: number): NodeId => this.#ids[number] as NodeId;

  take(node: NodeId): number {
    let number = this.#numbers.get(node);
    if (number === undefined) {
      number = this.#ids.length;
      this.#numbers.set(node, number);
      this.#ids.push(node);
    }
    return number;
  }
}

/** What is kept of each node. */
export interface NodeStore<Value> extends ReadonlyMap<NodeId, Value> {
  set(node: NodeId, value: Value): unknown;
  delete(node: NodeId): boolean;
}

/** A Map, or, where many cores share their nodes' numbers, what takes less. */
export function createNodeStore<Value extends object | number>(
  numbers: NodeNumbers | null,
): NodeStore<Value> {
  return numbers === null ? new Map<NodeId, Value>() : new NodeMap<Value>(numbers);
}

/**
 * A map by node, in order of their numbers. An entry is one place in an array: a list of ten thousand members takes 80 KB for each
 * core, and not the 500 KB of a Map.
 */
class NodeMap<Value extends object | number> implements NodeStore<Value> {
  readonly #numbers: NodeNumbers;
  readonly #values: (Value | undefined)[] = [];
  #size = 0;

  constructor(numbers: NodeNumbers) {
    this.#numbers = numbers;
  }

  get size(): number {
    return this.#size;
  }

  get(node: NodeId): Value | undefined {
    const number = this.#numbers.find(node);
    return number === undefined ? undefined : this.#values[number];
  }

  has(node: NodeId): boolean {
    return this.get(node) !== undefined;
  }

  set(node: NodeId, value: Value): void {
    const number = this.#numbers.take(node);
    while (this.#values.length < number) this.#values.push(undefined);
    if (this.#values[number] === undefined) this.#size++;
    this.#values[number] = value;
  }

  delete(node: NodeId): boolean {
    const number = this.#numbers.find(node);
    if (number === undefined || this.#values[number] === undefined) return false;
    this.#values[number] = undefined;
    this.#size--;
    return true;
  }

  values(): MapIterator<Value> {
    return new Walk(this.#values, (value) => value) as unknown as MapIterator<Value>;
  }

  keys(): MapIterator<NodeId> {
    const { idOf } = this.#numbers;
    return new Walk(this.#values, (_, number) => idOf(number)) as unknown as MapIterator<NodeId>;
  }

  entries(): MapIterator<[NodeId, Value]> {
    const { idOf } = this.#numbers;
    const entryOf = (value: Value, number: number): [NodeId, Value] => [idOf(number), value];
    return new Walk(this.#values, entryOf) as unknown as MapIterator<[NodeId, Value]>;
  }

  [Symbol.iterator](): MapIterator<[NodeId, Value]> {
    return this.entries();
  }

  forEach(call: (value: Value, key: NodeId, map: ReadonlyMap<NodeId, Value>) => void): void {
    for (const [node, value] of this) call(value, node, this);
  }
}

/** Past the places that are empty; a generator would take several times as long. */
class Walk<Value, Item> implements IterableIterator<Item> {
  #next = 0;

  constructor(
    private readonly values: readonly (Value | undefined)[],
    private readonly itemOf: (value: Value, number: number) => Item,
  ) {}

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Item> {
    while (this.#next < this.values.length) {
      const number = this.#next++;
      const value = this.values[number];
      if (value !== undefined) return { value: this.itemOf(value, number), done: false };
    }
    return { value: undefined, done: true };
  }
}
