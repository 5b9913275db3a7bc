/** What the network is like, unless a path has its own. */
export interface PathConditions {
  /** One-way time of a segment, drawn evenly. */
  readonly delayMs: readonly [min: number, max: number];
  /** The part of segments that TCP has to send again, and of those again. */
  loss: number;
  /** Infinity: no limit. */
  bytesPerSecond: number;
}

/** How a dial ends: answered by whoever is there, by a firewall with a reset, or not at all. */
export type DialFate = 'answered' | 'refused' | 'silent';

/** One direction between two hosts, whatever connections use it. */
export class SimPath {
  dials: DialFate = 'answered';
  /** Replaces what is true of the whole network. */
  own: Partial<PathConditions> = {};
  /** When the last byte that was put on it is through, where its rate is limited. */
  freeAtMs = 0;
  private cuts = 0;
  private held: (() => void)[] = [];

  /** A black hole: nothing comes through, and nobody is told. */
  get isCut(): boolean {
    return this.cuts > 0;
  }

  cut(): void {
    this.cuts++;
  }

  /** Ends one cut; with the last one, all that was held back is sent again, in order. */
  uncut(): void {
    this.cuts = Math.max(0, this.cuts - 1);
    this.release();
  }

  heal(): void {
    this.cuts = 0;
    this.own = {};
    this.dials = 'answered';
    this.release();
  }

  /** Now, or when the path is whole again. */
  pass(send: () => void): void {
    if (this.isCut) this.held.push(send);
    else send();
  }

  private release(): void {
    if (this.isCut) return;
    for (const send of this.held.splice(0)) send();
  }
}
