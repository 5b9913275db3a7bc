import { parentPort, workerData } from 'node:worker_threads';
import { Simulation } from '../../sim/simulation.js';
import type { SimulationOptions } from '../../sim/simulation-options.js';
import type { ThreadMessage } from './in-thread.js';

/** More often nobody can read it. */
const progressMs = 50;

const tell = (message: ThreadMessage): void => parentPort?.postMessage(message);
const steps = new Simulation(workerData as SimulationOptions).run();
let toldAtMs = performance.now();
for (;;) {
  const step = steps.next();
  if (step.done === true) {
    tell({ type: 'result', result: step.value });
    break;
  }
  const nowMs = performance.now();
  if (nowMs - toldAtMs < progressMs) continue;
  toldAtMs = nowMs;
  tell({ type: 'progress', progress: step.value });
}
