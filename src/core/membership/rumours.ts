import type { NodeId } from '../ids.js';
import type { Rumour } from '../messages.js';

/** How often one node tells one rumour: enough that, with all others telling it too, everybody hears of it. */
export function retransmitLimit(presentCount: number, multiplier: number): number {
  return multiplier * Math.ceil(Math.log10(presentCount + 1));
}

/** Whom a rumour is about. */
export function subjectOf(rumour: Rumour): NodeId {
  return rumour.type === 'alive' ? rumour.member.id : rumour.node;
}

/** The rumours this node still has to tell: one a member, the least told first, and before all others the one about itself. */
export class RumourQueue {
  readonly #self: NodeId;
  readonly #rumoursMax: number;
  /** Rumours told i times are in the i-th map, oldest first. */
  readonly #bySends: Map<NodeId, Rumour>[] = [];
  readonly #sends = new Map<NodeId, number>();

  constructor(self: NodeId, rumoursMax: number) {
    this.#self = self;
    this.#rumoursMax = rumoursMax;
  }

  get size(): number {
    return this.#sends.size;
  }

  /** Queues a rumour in place of an older one about the same member. Over the limit, the most told one is dropped. */
  add(rumour: Rumour): void {
    const subject = subjectOf(rumour);
    this.drop(subject);
    if (this.size >= this.#rumoursMax) this.#dropMostTold();
    this.#put(subject, rumour, 0);
  }

  drop(subject: NodeId): void {
    const sends = this.#sends.get(subject);
    if (sends === undefined) return;
    this.#bySends[sends]?.delete(subject);
    this.#sends.delete(subject);
  }

  /** Up to `countMax` rumours for one message to `to`, each counted as told once more, and dropped at `sendsMax`. */
  take(to: NodeId, countMax: number, sendsMax: number): Rumour[] {
    const taken: { rumour: Rumour; sends: number }[] = [];
    // Nobody else can refute for this node, so that must not wait behind whatever thousands of news there are.
    const ownSends = this.#sends.get(this.#self);
    const own = ownSends === undefined ? undefined : this.#bySends[ownSends]?.get(this.#self);
    if (ownSends !== undefined && own !== undefined) taken.push({ rumour: own, sends: ownSends });
    for (const [sends, rumours] of this.#bySends.entries()) {
      for (const rumour of rumours.values()) {
        if (taken.length >= countMax) break;
        // A node knows best itself that it is alive.
        if (rumour !== own && (rumour.type !== 'alive' || rumour.member.id !== to))
          taken.push({ rumour, sends });
      }
    }
    for (const { rumour, sends } of taken) {
      const subject = subjectOf(rumour);
      this.drop(subject);
      if (sends + 1 < sendsMax) this.#put(subject, rumour, sends + 1);
    }
    return taken.map(({ rumour }) => rumour);
  }

  #put(subject: NodeId, rumour: Rumour, sends: number): void {
    while (this.#bySends.length <= sends) this.#bySends.push(new Map());
    this.#bySends[sends]?.set(subject, rumour);
    this.#sends.set(subject, sends);
  }

  #dropMostTold(): void {
    for (const rumours of this.#bySends.toReversed()) {
      for (const subject of rumours.keys()) {
        this.drop(subject);
        return;
      }
    }
  }
}
