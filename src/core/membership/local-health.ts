import type { MembershipConfig } from './config.js';

/**
 * How well this node itself seems to be: 0 is well. A node that misses acks, must refute, or runs late takes longer over
 * its verdicts, since it is more likely at fault than all the others. Lifeguard, section IV-A; and beyond it the lateness of this
 * node's own ticks, as much as they are late: a loop that is busy all the time keeps it up, a calm one lets it fall by half
 * every `healthCalmMs`.
 */
export class LocalHealth {
  readonly #config: MembershipConfig;
  #missed = 0;
  #lateMs = 0;
  #heardAtMs = 0;

  constructor(config: MembershipConfig) {
    this.#config = config;
  }

  /** Missed probes and refutations count 1 each; lateness counts 1 for each time-out of a probe, in tenths. */
  get score(): number {
    const late = Math.floor((10 * this.#lateMs) / this.#config.probeTimeoutMs) / 10;
    return Math.min(this.#config.healthScoreMax, this.#missed + late);
  }

  change(delta: number): void {
    this.#missed = Math.min(this.#config.healthScoreMax, Math.max(0, this.#missed + delta));
  }

  /** A tick has come, so much later than asked for. */
  hearTick(lateMs: number, nowMs: number): void {
    const calmMs = Math.max(0, nowMs - this.#heardAtMs - lateMs);
    this.#heardAtMs = nowMs;
    const { healthScoreMax, probeTimeoutMs, healthCalmMs } = this.#config;
    // What is over the worst score would only take longer to calm down.
    const worstMs = Math.min(lateMs, healthScoreMax * probeTimeoutMs);
    this.#lateMs = Math.max(worstMs, this.#lateMs * 2 ** (-calmMs / healthCalmMs));
  }

  /** A probe's interval or time-out, at the present score. */
  scaleMs(durationMs: number): number {
    return durationMs * (this.score + 1);
  }
}
