import type { SimulationProgress } from '../../sim/simulation.js';
import { percent, time, whole } from './figures.js';

/** A person sees a line that changes; a file gets a line now and then. */
const redrawMs = 100;
const lineMs = 5_000;

/** Shows on standard error how far a simulation is. */
export class ProgressLine {
  readonly #startedAtMs = performance.now();
  readonly #isTerminal = process.stderr.isTTY === true;
  #shownAtMs = this.#startedAtMs;

  show(progress: SimulationProgress): void {
    const nowMs = performance.now();
    if (nowMs - this.#shownAtMs < (this.#isTerminal ? redrawMs : lineMs)) return;
    this.#shownAtMs = nowMs;
    const { phase, simulatedMs, totalMs, running, known, events } = progress;
    const simulated = totalMs === null ? time(simulatedMs) : `${time(simulatedMs)} of ${time(totalMs)}`;
    const line =
      `${phase}: ${simulated} simulated in ${time(nowMs - this.#startedAtMs)}, ${whole(running)} nodes up, ` +
      `${percent(Math.min(1, Math.floor(known * 1_000) / 1_000))} known, ${whole(events)} events`;
    process.stderr.write(this.#isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
  }

  /** Takes the line away, and leaves how long it took. */
  stop(simulatedMs: number): void {
    if (this.#isTerminal) process.stderr.write('\r\u001b[K');
    const tookMs = performance.now() - this.#startedAtMs;
    process.stderr.write(`${time(simulatedMs)} simulated in ${time(tookMs)}\n`);
  }
}
