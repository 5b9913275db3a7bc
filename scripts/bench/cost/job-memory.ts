import { JobPath, type PathNode } from '../job-path.js';
import type { JobMemory } from './figures.js';
import { heapBytes } from './heap.js';

const jobsPerPiece = 1_000;

/** Jobs that no node may run: they are queued, and a second node holds them. */
export const queuedRequest = 'SUBMIT noop on=queue=none';
/** They run at once, and their outcomes are kept for an hour by two nodes. */
export const keptRequest = 'SUBMIT noop node=worker';

/**
 * Has an owner and a holder take so many jobs of 100 bytes, and tells what each of them has on the heap then. Both are in this process:
 * what goes when the owner is let go is the owner's.
 */
export function measureJobMemory(request: string, jobs: number): JobMemory {
  // What is compiled and set up once is no part of it.
  fill(request, jobsPerPiece);
  const emptyBytes = heapBytes();
  const filled: Filled = { path: fill(request, jobs) };
  const bothBytes = heapBytes();
  const { worker, ownerCounted } = keepHolder(filled);
  const holderBytes = heapBytes();
  const { copies } = worker.core.jobs.keeping;
  if (copies.size !== jobs) throw new Error(`the holder has ${copies.size} jobs, and not ${jobs} any more`);
  return {
    jobs,
    ownerBytes: (bothBytes - holderBytes) / jobs,
    ownerCounted: ownerCounted / jobs,
    holderBytes: (holderBytes - emptyBytes) / jobs,
    holderCounted: copies.bytes / jobs,
  };
}

interface Filled {
  path: JobPath | null;
}

/** A function of its own, as the engine keeps what a function that still runs has looked at. */
function keepHolder(filled: Filled): { readonly worker: PathNode; readonly ownerCounted: number } {
  const { worker, front } = filled.path as JobPath;
  filled.path = null;
  return { worker, ownerCounted: front.core.jobs.ledger.bytes };
}

function fill(request: string, jobs: number): JobPath {
  const path = new JobPath(request);
  for (let taken = 0; taken < jobs; taken += jobsPerPiece)
    path.run(path.lines(Math.min(jobsPerPiece, jobs - taken)), (_, run) => run());
  return path;
}
