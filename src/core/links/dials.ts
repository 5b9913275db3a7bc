import type { NodeId } from '../ids.js';

/** Dials under way, by address, and the members each is meant for: none if it is only a seed's. */
export class Dials {
  readonly #dialsMax: number;
  readonly #wanted = new Map<string, Set<NodeId>>();

  constructor(dialsMax: number) {
    this.#dialsMax = dialsMax;
  }

  get size(): number {
    return this.#wanted.size;
  }

  get hasRoom(): boolean {
    return this.#wanted.size < this.#dialsMax;
  }

  has(address: string): boolean {
    return this.#wanted.has(address);
  }

  /** There is at most one to an address, and a bounded number in all. `begun`: it must be made; `full`: not now. */
  begin(address: string, node: NodeId | null): 'begun' | 'under_way' | 'full' {
    let wanted = this.#wanted.get(address);
    const isNew = wanted === undefined;
    if (wanted === undefined) {
      if (!this.hasRoom) return 'full';
      wanted = new Set();
      this.#wanted.set(address, wanted);
    }
    if (node !== null) wanted.add(node);
    return isNew ? 'begun' : 'under_way';
  }

  /** The members that were dialled there. */
  end(address: string | null): Iterable<NodeId> {
    const wanted = address === null ? undefined : this.#wanted.get(address);
    if (address !== null) this.#wanted.delete(address);
    return wanted ?? [];
  }
}
