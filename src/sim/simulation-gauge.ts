import type { Fleet } from './fleet/fleet.js';
import type { TrafficKind } from './fleet/traffic.js';
import type { Curve, TrafficRate } from './simulation-result.js';

const nothing: TrafficRate = { messagesMean: 0, bytesMean: 0, messagesMax: 0, bytesMax: 0 };

/** What each node had sent at some moment. */
export interface TrafficMark {
  readonly atMs: number;
  readonly messagesOf: Float64Array;
  readonly bytesOf: Float64Array;
}

/** Reads a fleet's traffic and links once a simulated second. */
export class SimulationGauge {
  readonly bytesMean: [number, number][] = [];
  readonly bytesMax: [number, number][] = [];
  readonly linksMean: [number, number][] = [];
  readonly linksMax: [number, number][] = [];
  bytesSecondMax = 0;
  #nodeSeconds = 0;
  #last: TrafficMark;

  constructor(private readonly fleet: Fleet) {
    this.#last = this.mark();
  }

  mark(): TrafficMark {
    const { traffic, nowMs } = this.fleet;
    return {
      atMs: nowMs,
      messagesOf: Float64Array.from(traffic.messagesOf),
      bytesOf: Float64Array.from(traffic.bytesOf),
    };
  }

  read(): void {
    const { fleet } = this;
    const now = this.mark();
    const seconds = (now.atMs - this.#last.atMs) / 1_000;
    const { bytesMean, bytesMax } = this.rateBetween(this.#last, now);
    let [up, links, linksMax] = [0, 0, 0];
    for (const { isUp, core } of fleet.nodes) {
      if (!isUp) continue;
      up++;
      links += core.links.count();
      linksMax = Math.max(linksMax, core.links.count());
    }
    this.bytesMean.push([now.atMs, bytesMean]);
    this.bytesMax.push([now.atMs, bytesMax]);
    this.linksMean.push([now.atMs, up === 0 ? 0 : links / up]);
    this.linksMax.push([now.atMs, linksMax]);
    this.bytesSecondMax = Math.max(this.bytesSecondMax, bytesMax);
    this.#nodeSeconds += up * seconds;
    this.#last = now;
  }

  /** A node and second, over the nodes that are up now. */
  rateBetween(from: TrafficMark, to: TrafficMark): TrafficRate {
    const seconds = (to.atMs - from.atMs) / 1_000;
    const up = this.fleet.nodes.filter(({ isUp }) => isUp);
    if (seconds <= 0 || up.length === 0) return nothing;
    let [messages, bytes, messagesMax, bytesMax] = [0, 0, 0, 0];
    for (const { index } of up) {
      const sentMessages = (to.messagesOf[index] as number) - (from.messagesOf[index] as number);
      const sentBytes = (to.bytesOf[index] as number) - (from.bytesOf[index] as number);
      messages += sentMessages;
      bytes += sentBytes;
      messagesMax = Math.max(messagesMax, sentMessages);
      bytesMax = Math.max(bytesMax, sentBytes);
    }
    const nodeSeconds = up.length * seconds;
    return {
      messagesMean: messages / nodeSeconds,
      bytesMean: bytes / nodeSeconds,
      messagesMax: messagesMax / seconds,
      bytesMax: bytesMax / seconds,
    };
  }

  /** Each kind's part of all traffic, a node and second, the heaviest first. */
  kinds(): { kind: TrafficKind; messagesMean: number; bytesMean: number }[] {
    const nodeSeconds = Math.max(this.#nodeSeconds, 1e-9);
    return [...this.fleet.traffic.kinds]
      .map(([kind, { messages, bytes }]) => ({
        kind,
        messagesMean: messages / nodeSeconds,
        bytesMean: bytes / nodeSeconds,
      }))
      .sort((a, b) => b.bytesMean - a.bytesMean);
  }
}

/** The mean and the largest value of a curve from some time on. */
export function meanAfter(curve: Curve, fromMs: number): number {
  const values = curve.filter(([atMs]) => atMs > fromMs).map(([, value]) => value);
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
