import type { NodeId } from '../ids.js';
import { rendezvousFirst } from './rendezvous.js';

/** How full an executor is, as its owner knows it. */
export interface ExecutorLoad {
  /** Attempts that may be outstanding there; 0 while it can't be reached. */
  readonly window: number;
  readonly outstanding: number;
}

export type LoadOf = (node: NodeId) => ExecutorLoad;

export function hasRoom(load: ExecutorLoad): boolean {
  return load.outstanding < load.window;
}

/** The next candidate from `cursor` on that has room, as an index, or -1. A full one is skipped and not waited for. */
export function pickRoundRobin(candidates: readonly NodeId[], cursor: number, loadOf: LoadOf): number {
  for (let step = 0; step < candidates.length; step++) {
    const index = (cursor + step) % candidates.length;
    if (hasRoom(loadOf(candidates[index] as NodeId))) return index;
  }
  return -1;
}

/** The candidate with the smallest share of its window in use, the first one from `cursor` on among equals; -1 if none has room. */
export function pickLeastLoaded(candidates: readonly NodeId[], cursor: number, loadOf: LoadOf): number {
  let best = -1;
  let lowest = 1;
  for (let step = 0; step < candidates.length; step++) {
    const index = (cursor + step) % candidates.length;
    const load = loadOf(candidates[index] as NodeId);
    if (!hasRoom(load)) continue;
    const share = load.outstanding / load.window;
    if (share < lowest) {
      lowest = share;
      best = index;
    }
  }
  return best;
}

/** Always the same candidate for a key, for as long as the candidates are the same: its index if it has room, else -1. */
export function pickAffinity(candidates: readonly NodeId[], key: string, loadOf: LoadOf): number {
  const node = rendezvousFirst(key, candidates);
  return node !== null && hasRoom(loadOf(node)) ? candidates.indexOf(node) : -1;
}
