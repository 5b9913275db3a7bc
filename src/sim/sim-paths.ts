import type { Random } from '../core/random.js';
import { type PathConditions, SimPath } from './sim-path.js';
import type { SimTime } from './sim-time.js';

/** Linux's first retransmission time-out; it doubles with each one more. */
const retransmitMs = 200;
const retransmitsMax = 6;

/** All directions between hosts, and what the network is like. */
export class SimPaths {
  readonly conditions: PathConditions;
  private readonly paths = new Map<string, Map<string, SimPath>>();
  /** Hosts without power. */
  private readonly down = new Set<string>();

  constructor(
    private readonly time: SimTime,
    private readonly random: Random,
    { delayMs, loss }: Pick<PathConditions, 'delayMs' | 'loss'>,
  ) {
    this.conditions = { delayMs, loss, bytesPerSecond: Number.POSITIVE_INFINITY };
  }

  between(from: string, to: string): SimPath {
    let ways = this.paths.get(from);
    if (ways === undefined) {
      ways = new Map();
      this.paths.set(from, ways);
    }
    let path = ways.get(to);
    if (path === undefined) {
      path = new SimPath(this.conditions, this.time);
      ways.set(to, path);
      if (this.down.has(from) || this.down.has(to)) path.cut();
    }
    return path;
  }

  isDown(host: string): boolean {
    return this.down.has(host);
  }

  takeDown(host: string): void {
    if (this.down.has(host)) return;
    for (const path of this.pathsOf(host)) path.cut();
    this.down.add(host);
  }

  bringUp(host: string): void {
    if (!this.down.delete(host)) return;
    for (const path of this.pathsOf(host)) path.uncut();
  }

  heal(): void {
    for (const [from, ways] of this.paths)
      for (const [to, path] of ways) if (!this.down.has(from) && !this.down.has(to)) path.heal();
  }

  /** The time a segment takes from now on: the way itself, and the time-outs it costs when it is lost. */
  travelMs(path: SimPath): number {
    const ownLoss = path.own.loss ?? this.conditions.loss;
    let waitMs = 0;
    for (let losses = 0; losses < retransmitsMax && ownLoss > 0 && this.random.next() < ownLoss; losses++)
      waitMs += retransmitMs * 2 ** losses;
    return waitMs + this.delayMs();
  }

  /** Whether one packet that nobody sends again comes through. */
  lets(path: SimPath): boolean {
    const loss = path.own.loss ?? this.conditions.loss;
    return !path.isCut && (loss === 0 || this.random.next() >= loss);
  }

  delayMs(): number {
    const [minMs, maxMs] = this.conditions.delayMs;
    return minMs + this.random.next() * (maxMs - minMs);
  }

  private *pathsOf(host: string): Iterable<SimPath> {
    for (const [from, ways] of this.paths)
      for (const [to, path] of ways) if (from === host || to === host) yield path;
  }
}
