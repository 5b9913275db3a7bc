import { parentPort, workerData } from 'node:worker_threads';
import { hashOf } from './target.js';

/** A worker thread that hashes as fast as it can, and at the end says how often a second. */
const { warmUpMs, measureMs } = workerData as { readonly warmUpMs: number; readonly measureMs: number };

function hashFor(durationMs: number): number {
  const startedAtMs = performance.now();
  let hashes = 0;
  while (performance.now() - startedAtMs < durationMs) hashOf(hashes++);
  return (hashes * 1_000) / (performance.now() - startedAtMs);
}

hashFor(warmUpMs);
parentPort?.postMessage(hashFor(measureMs));
