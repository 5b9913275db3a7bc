import type { DialFailure } from '../core/effects.js';
import { limits } from '../core/limits.js';
import type { SimNode } from './sim-node.js';
import type { SimPaths } from './sim-paths.js';
import type { SimTime } from './sim-time.js';

export interface SimDiallerOptions {
  readonly time: SimTime;
  readonly paths: SimPaths;
  readonly nodeAt: (address: string) => SimNode | undefined;
  /** Both kernels have the connection; the processes have not seen it yet. */
  readonly connect: (from: SimNode, to: SimNode, address: string) => void;
}

interface Dial {
  readonly from: SimNode;
  readonly address: string;
  readonly startedAtMs: number;
}

/** Linux sends a SYN again after a second, and then after twice as long each time. */
const synRetryMs = 1_000;

/** How connections come about, or don't. */
export class SimDialler {
  constructor(private readonly options: SimDiallerOptions) {}

  dial(from: SimNode, address: string): void {
    this.knock({ from, address, startedAtMs: this.options.time.nowMs }, synRetryMs);
  }

  private knock(dial: Dial, retryMs: number): void {
    const { time, paths, nodeAt } = this.options;
    const { from, address, startedAtMs } = dial;
    if (from.status === 'dead') return;
    const host = nodeAt(address)?.name ?? address;
    const [there, back] = [paths.between(from.name, host), paths.between(host, from.name)];
    if (there.dials === 'refused') this.fail(dial, 'refused', paths.delayMs() + paths.delayMs());
    else if (there.dials === 'answered' && paths.lets(there) && paths.lets(back))
      time.after(paths.delayMs(), () => this.answer(dial));
    else if (time.nowMs + retryMs < startedAtMs + limits.dialTimeoutMs)
      time.after(retryMs, () => this.knock(dial, 2 * retryMs));
    else this.fail(dial, 'timeout', startedAtMs + limits.dialTimeoutMs - time.nowMs);
  }

  /** The kernel of a process that stands still accepts for it. */
  private answer(dial: Dial): void {
    const { time, paths, nodeAt, connect } = this.options;
    const { from, address } = dial;
    const to = nodeAt(address);
    if (to === undefined || to.status === 'dead') {
      // Nobody answers for a machine that has lost its power meanwhile.
      if (to !== undefined && paths.isDown(to.name)) this.fail(dial, 'timeout', limits.dialTimeoutMs);
      else this.fail(dial, 'refused', paths.delayMs());
      return;
    }
    time.after(paths.delayMs(), () => {
      if (from.status === 'dead') return;
      if (to.status === 'dead') this.fail(dial, 'reset', 0);
      else connect(from, to, address);
    });
  }

  private fail({ from, address }: Dial, reason: DialFailure, afterMs: number): void {
    this.options.time.after(afterMs, () =>
      from.arrive({ type: 'dial_failed', address, reason, detail: reason, goodbye: null }),
    );
  }
}
