import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What is known of the main thread at a look. */
export interface HeapLook {
  /** Share of the time since the last look in which the event loop did something, 0 to 1. */
  readonly utilization: number;
  /** Memory that the heap has of the system, used or not, and what its objects hold outside of it: bodies, mostly. */
  readonly heapBytes: number;
  /** What is known to be alive: a collection takes longer the more there is, and heartbeats wait for it. */
  readonly keptBytes: number;
  /** What clients are sending and being sent: alive, too, but few and large, which costs a collection nothing. */
  readonly clientBytes: number;
}

/** What the node knows of its memory, and V8 does not. */
export interface Alive extends Pick<HeapLook, 'keptBytes' | 'clientBytes'> {
  /** What the largest heap of a handler thread has of the system. */
  readonly threadHeapBytes: number;
}

const lookIntervalMs = 1_000;
/** An idle node's loop is busy for about 1 % of the time. */
const quietUtilizationMax = 0.1;
const quietLooksMin = 2;
/** Less than this is not worth a collection. */
const growthBytesMin = 8 * 1024 * 1024;
/** So much alive is passed over in less than 100 ms; with next to nothing, a collection takes 30 ms. */
const keptBytesMax = 64 * 1024 * 1024;
/** The first frees what is garbage, the second closes up what is left, so that whole pages go back. */
const passesPerRound = 2;

/** By default V8 lets a heap of hundreds of MiB grow to twice and more of what is alive before it collects. */
const largeGrowthPercent = 40;
/**
 * By default it lets one of 13 MiB, a node's own with next to no jobs, grow by 15 MiB. That is less than what its young generation may take,
 * so that each look says that the heap is about to be full: it collected all of it four times a second, for one job at a time.
 */
const smallGrowthPercent = 300;
/** With more it grows by enough in any case. */
const smallKeptBytesMax = 16 * 1024 * 1024;
/** V8 takes one word for all heaps of a process: a handler that has much alive must not come to have four times as much. */
const smallHeapBytesMax = 128 * 1024 * 1024;

/**
 * By how much a heap may grow over what is alive in it; 0: as V8 likes. A long queue costs more collections, and half the memory.
 * `largestHeapBytes`: what the largest heap of the process has of the system, garbage and all.
 */
export function growthPercentFor(keptBytes: number, largestHeapBytes: number): number {
  if (keptBytes > keptBytesMax) return largeGrowthPercent;
  return keptBytes <= smallKeptBytesMax && largestHeapBytes <= smallHeapBytesMax ? smallGrowthPercent : 0;
}

/** Decides when a node has come to rest after work that made its heap grow. */
export class CollectionPlan {
  private quietLooks = 0;
  private passes = 0;

  /**
   * `settledBytes` is what growth is measured from: the heap at the start, then what the last round has left. What is known to
   * be alive is left out on both sides, so that what was alive at the last round and is no longer counts as growth.
   */
  constructor(private settledBytes: number) {}

  /** Whether to collect now. */
  look({ utilization, heapBytes, keptBytes, clientBytes }: HeapLook): boolean {
    const restBytes = heapBytes - keptBytes - clientBytes;
    const isQuiet = utilization <= quietUtilizationMax && keptBytes <= keptBytesMax;
    this.quietLooks = isQuiet ? this.quietLooks + 1 : 0;
    if (!isQuiet) this.passes = 0;
    if (this.quietLooks < quietLooksMin) return false;
    if (this.passes === passesPerRound) {
      this.passes = 0;
      this.settledBytes = restBytes;
    }
    this.settledBytes = Math.min(this.settledBytes, restBytes);
    if (this.passes === 0 && restBytes < this.settledBytes + growthBytesMin) return false;
    this.passes++;
    return true;
  }
}

/**
 * Gives the memory of a burst back once the node is quiet. V8 collects when it wants to allocate; a node that has
 * nothing to do allocates next to nothing, and would keep the garbage of its last hundred thousand jobs for hours.
 */
export function collectWhenIdle(alive: () => Alive): { stop(): void } {
  const plan = new CollectionPlan(heapBytesNow());
  let collect: (() => void) | null = null;
  let growthPercent: number | null = null;
  const letGrow = (heapBytes: number, { keptBytes, threadHeapBytes }: Alive): void => {
    const wanted = growthPercentFor(keptBytes, Math.max(heapBytes, threadHeapBytes));
    if (wanted === growthPercent) return;
    growthPercent = wanted;
    setFlagsFromString(`--heap-growing-percent=${wanted}`);
  };
  letGrow(heapBytesNow(), alive());
  let last = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    const heapBytes = heapBytesNow();
    const living = alive();
    letGrow(heapBytes, living);
    const { keptBytes, clientBytes } = living;
    if (!plan.look({ utilization, heapBytes, keptBytes, clientBytes })) return;
    collect ??= collector();
    collect();
  }, lookIntervalMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** A heap of a few MiB may hold hundreds outside of it, and V8, which sees the few, lets them be. */
function heapBytesNow(): number {
  const { total_heap_size: inside, external_memory: outside } = getHeapStatistics();
  return inside + outside;
}

/** V8's own collection; nothing where this runtime doesn't give it. The flags hold for these calls only. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect !== 'function') return () => {};
  return () => {
    setFlagsFromString('--optimize-for-size');
    try {
      collect();
    } finally {
      setFlagsFromString('--no-optimize-for-size');
    }
  };
}
