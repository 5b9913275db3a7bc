import type { NodeId } from '../ids.js';
import type { Random } from '../random.js';

/**
 * Randomised round-robin (SWIM, Das, Gupta, Motivala 2002, section 4.3): every member is probed once in each round, in an order
 * drawn anew for each, so that the time until a member is probed next has a bound.
 */
export class ProbeOrder {
  readonly #random: Random;
  #round: NodeId[] = [];
  /** Ahead of the round: members that others suspect. */
  readonly #urgent = new Set<NodeId>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Puts a new member at a random place of what is left of this round. */
  insert(node: NodeId, presentCount: number): void {
    // A round of members that came and went is thrown away; the next one is drawn from those that are there.
    if (this.#round.length > 2 * presentCount) this.#round = [];
    this.#round.splice(this.#random.below(this.#round.length + 1), 0, node);
  }

  drop(node: NodeId): void {
    this.#urgent.delete(node);
  }

  hurry(node: NodeId): void {
    this.#urgent.add(node);
  }

  nextUrgent(isTarget: (node: NodeId) => boolean): NodeId | null {
    for (const node of this.#urgent) {
      this.#urgent.delete(node);
      if (isTarget(node)) return node;
    }
    return null;
  }

  /** The next member to probe that `isTarget`, or null if there is none in the rest of this round and one whole new round. */
  next(candidates: () => NodeId[], isTarget: (node: NodeId) => boolean): NodeId | null {
    const found = this.#nextOfRound(isTarget);
    if (found !== null) return found;
    this.#round = shuffled(candidates(), this.#random);
    return this.#nextOfRound(isTarget);
  }

  #nextOfRound(isTarget: (node: NodeId) => boolean): NodeId | null {
    for (;;) {
      const node = this.#round.pop();
      if (node === undefined) return null;
      if (isTarget(node)) return node;
    }
  }
}

/** Of all ids in their order, closed to a ring, the first after `self`: each is the next of exactly one other. */
export function nextOnRing(self: NodeId, nodes: readonly NodeId[]): NodeId | null {
  let next: NodeId | null = null;
  for (const node of nodes) {
    const isBetter = next === null || (node > self === next > self ? node < next : node > self);
    if (isBetter && node !== self) next = node;
  }
  return next;
}

/** `count` different items drawn at random, all of them if there are fewer. */
export function sample<Item>(items: readonly Item[], count: number, random: Random): Item[] {
  return shuffled(items, random, count);
}

/** Fisher and Yates, stopped after `count`. */
function shuffled<Item>(items: readonly Item[], random: Random, count = items.length): Item[] {
  const pool = [...items];
  const end = Math.min(count, pool.length);
  for (let index = 0; index < end; index++) {
    const other = index + random.below(pool.length - index);
    [pool[index], pool[other]] = [pool[other] as Item, pool[index] as Item];
  }
  return pool.slice(0, end);
}
