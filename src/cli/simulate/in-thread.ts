import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SimulationProgress } from '../../sim/simulation.js';
import type { SimulationOptions } from '../../sim/simulation-options.js';
import type { SimulationResult } from '../../sim/simulation-result.js';
import { usageError } from '../failure.js';

export type ThreadMessage =
  | { readonly type: 'progress'; readonly progress: SimulationProgress }
  | { readonly type: 'result'; readonly result: SimulationResult };

/** Of this machine's memory, for what lives on. V8's own limit would end at 4 GB, where ten thousand nodes need more. */
const memoryPart = 0.75;
/** For what dies young: messages are a simulation's litter. With V8's own 48 MB a start of a thousand nodes takes half as long again. */
const youngMb = 384;

/** Runs a simulation in a thread, which alone can be given memory enough at run time. */
export function simulateInThread(
  options: SimulationOptions,
  show: (progress: SimulationProgress) => void = () => {},
): Promise<SimulationResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./thread-entry.js', import.meta.url), {
      name: 'rondo-simulation',
      workerData: options,
      resourceLimits: {
        maxOldGenerationSizeMb: Math.floor((totalmem() * memoryPart) / 1024 ** 2),
        maxYoungGenerationSizeMb: youngMb,
      },
    });
    worker.on('message', (message: ThreadMessage) => {
      if (message.type === 'progress') show(message.progress);
      else resolve(message.result);
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') return reject(error);
      const { nodes, join } = options;
      reject(usageError(`${nodes + join} nodes need more memory than there is here: take fewer`, error));
    });
    // After a result, or an error that says more, it changes nothing.
    worker.on('exit', (code) => reject(new Error(`the simulation's thread ended with code ${code}`)));
  });
}
