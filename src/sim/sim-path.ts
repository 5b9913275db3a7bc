import { Fifo } from '../core/fifo.js';
import type { SimTime } from './sim-time.js';

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
  private spoilt: Partial<PathConditions> = {};
  private cuts = 0;
  private held: (() => void)[] = [];
  /** What waits for its turn where the rate is limited; the first one is on its way. */
  private readonly line = new Fifo<{ readonly bytes: number; readonly go: () => void }>();
  private turns = 0;

  constructor(
    private readonly conditions: PathConditions,
    private readonly time: SimTime,
  ) {}

  /** Replaces what is true of the whole network. */
  get own(): Partial<PathConditions> {
    return this.spoilt;
  }

  set own(own: Partial<PathConditions>) {
    this.spoilt = own;
    this.nextTurn();
  }

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

  /** Now, or when all that was put on the path before is through, and this many bytes with it. */
  takeTurn(bytes: number, go: () => void): void {
    this.line.push({ bytes, go });
    if (this.line.length === 1) this.nextTurn();
  }

  /** Begins with the first one anew: the rate may be another now. */
  private nextTurn(): void {
    const turn = ++this.turns;
    for (let first = this.line.peek(); first !== undefined; first = this.line.peek()) {
      const rate = this.spoilt.bytesPerSecond ?? this.conditions.bytesPerSecond;
      if (rate !== Number.POSITIVE_INFINITY) {
        this.time.after((1_000 * first.bytes) / rate, () => {
          if (turn === this.turns) this.endTurn();
        });
        return;
      }
      this.line.shift();
      first.go();
    }
  }

  private endTurn(): void {
    this.line.shift()?.go();
    this.nextTurn();
  }

  private release(): void {
    if (this.isCut) return;
    for (const send of this.held.splice(0)) send();
  }
}
