import { Deadlines } from '../core/deadlines.js';
import type { Instant } from '../core/instant.js';

/** Where wall time stands when simulated time begins; any fixed moment does. */
export const wallStartMs = Date.UTC(2030, 0, 1);

/** More at one moment is somebody who asks to be woken at once, for ever. */
const actionsAtOnceMax = 100_000;

/** Virtual time: nothing happens but what was put on it, in order, and it takes no time of its own. */
export class SimTime {
  nowMs = 0;
  private actionsAtOnce = 0;
  private readonly actions = new Deadlines<() => void>();

  instant(): Instant {
    return { monotonicMs: this.nowMs, wallMs: wallStartMs + this.nowMs };
  }

  after(delayMs: number, action: () => void): void {
    this.actions.add(this.nowMs + delayMs, action);
  }

  runFor(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    while (this.actions.nextMs() <= endMs) this.runNext();
    this.nowMs = endMs;
  }

  /** Milliseconds until the condition holds; null when it doesn't within the limit. */
  runUntil(condition: () => boolean, limitMs: number): number | null {
    const startMs = this.nowMs;
    while (!condition()) {
      if (this.actions.nextMs() > startMs + limitMs) return null;
      this.runNext();
    }
    return this.nowMs - startMs;
  }

  private runNext(): void {
    const nextMs = Math.max(this.nowMs, this.actions.nextMs());
    this.actionsAtOnce = nextMs > this.nowMs ? 1 : this.actionsAtOnce + 1;
    if (this.actionsAtOnce > actionsAtOnceMax) throw new Error(`time stands still at ${nextMs} ms`);
    this.nowMs = nextMs;
    this.actions.takeDue(this.nowMs)?.();
  }
}
