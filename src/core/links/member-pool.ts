import type { NodeId } from '../ids.js';
import { createNodeStore, type NodeNumbers, type NodeStore } from '../node-map.js';
import type { Random } from '../random.js';

/** Members to draw from at random, each as likely as any other, at a cost that doesn't grow with their number. */
export class MemberPool {
  readonly #nodes: NodeId[] = [];
  readonly #places: NodeStore<number>;

  constructor(numbers: NodeNumbers | null = null) {
    this.#places = createNodeStore(numbers);
  }

  get size(): number {
    return this.#nodes.length;
  }

  has(node: NodeId): boolean {
    return this.#places.has(node);
  }

  add(node: NodeId): void {
    if (this.#places.has(node)) return;
    this.#places.set(node, this.#nodes.length);
    this.#nodes.push(node);
  }

  delete(node: NodeId): void {
    const place = this.#places.get(node);
    if (place === undefined) return;
    this.#places.delete(node);
    const last = this.#nodes.pop() as NodeId;
    if (last === node) return;
    this.#nodes[place] = last;
    this.#places.set(last, place);
  }

  draw(random: Random): NodeId | undefined {
    return this.#nodes[random.below(Math.max(1, this.#nodes.length))];
  }
}
