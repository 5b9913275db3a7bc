/**
 * How well this node itself seems to be: 0 is well. A node that misses acks, must refute, or runs late takes longer over
 * its verdicts, since it is more likely at fault than all the others. Lifeguard, section IV-A.
 */
export class LocalHealth {
  readonly #scoreMax: number;
  #score = 0;

  constructor(scoreMax: number) {
    this.#scoreMax = scoreMax;
  }

  get score(): number {
    return this.#score;
  }

  change(delta: number): void {
    this.#score = Math.min(this.#scoreMax, Math.max(0, this.#score + delta));
  }

  /** A probe's interval or time-out, at the present score. */
  scaleMs(durationMs: number): number {
    return durationMs * (this.#score + 1);
  }
}
