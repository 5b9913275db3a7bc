import { limits } from '../../../src/core/limits.js';
import { createRandom, type Random } from '../../../src/core/random.js';
import type { WireFormat } from '../../../src/sim/sim-format.js';
import type { QueueLimits } from '../../../src/sim/sim-link.js';

/** Each is a function in `faults.ts`. */
export const faultKinds = [
  'kill',
  'powerLoss',
  'powerLossInStart',
  'pause',
  'block',
  'blockOften',
  'cutPair',
  'cutOneWay',
  'isolate',
  'deafen',
  'mute',
  'halves',
  'bridge',
  'flipFlop',
  'resetOne',
  'resetPair',
  'resetStorm',
  'tailLost',
  'silentLink',
  'slowPath',
  'stalledReader',
  'flood',
  'dialsRefused',
  'dialsSilent',
  'lossSpell',
  'wallJump',
  'leave',
  'rollingRestart',
  'twin',
  'newId',
  'stranger',
  'seedsGone',
  'coldStart',
  'killBusy',
  'diskFull',
  'diskBroken',
  'slowSync',
  'bitFlip',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** A run with none at all. */
export const noFault = 'none';
/** What a run is to have alone. */
export type FaultClass = FaultKind | typeof noFault;

/** They need nodes with journals. */
const journalKinds: ReadonlySet<FaultKind> = new Set(['diskFull', 'diskBroken', 'slowSync', 'bitFlip']);
/** They are about jobs alone. */
const jobKinds: readonly FaultKind[] = ['killBusy', ...journalKinds];

/** What clients ask for beside jobs. */
export interface ClientPlan {
  readonly cancels: boolean;
  /** Some jobs fail, and failed and cancelled ones are put back. */
  readonly retries: boolean;
  /** Some jobs come after others. */
  readonly after: boolean;
  readonly scheduleCount: number;
  /** Attempts yield, and some jobs are followed. */
  readonly follows: boolean;
}

/** Clients that only submit. */
const noClients: ClientPlan = {
  cancels: false,
  retries: false,
  after: false,
  scheduleCount: 0,
  follows: false,
};

/** What exists in one run: drawn first, all from the seed, so that runs differ in kind and not only in moments. */
export interface ChaosPlan {
  readonly seed: string;
  readonly names: readonly string[];
  /** Addresses that everybody joins by. */
  readonly seeds: readonly string[];
  /** 0: never; a run without any is watched as strictly as one can be. */
  readonly weights: Readonly<Record<FaultKind, number>>;
  readonly isCalm: boolean;
  /** Nodes keep what they hold on disk. */
  readonly hasJournals: boolean;
  readonly loss: number;
  readonly delayMs: readonly [min: number, max: number];
  readonly format: WireFormat;
  readonly pieceBytes: readonly [min: number, max: number];
  readonly queues: { readonly windowBytes?: number } & Partial<QueueLimits>;
  readonly faultsMs: number;
  readonly faultGapMs: number;
  readonly jobGapMs: number;
  readonly runMs: readonly [min: number, max: number];
  readonly clients: ClientPlan;
  /** It has room for few jobs; null: all have room. */
  readonly full: string | null;
}

/** Every so manieth run has no faults at all. */
const calmOneIn = 10;

/** Some 50 jobs a second. */
const manyJobsGapMs = 20;

/** So short that they fill. */
const shortQueues: ChaosPlan['queues'] = {
  windowBytes: 4 * 1024,
  queueBytesHigh: 4 * 1024,
  queueBytesLow: 1024,
  queueBytesMax: 32 * 1024,
};

/** `fault`: that one alone, and many jobs. */
export function drawPlan(seed: string, fault: FaultClass | null = null, submitsOnly = false): ChaosPlan {
  const mixed = drawMixed(seed);
  const plan = fault === null ? mixed : withFault(mixed, fault);
  return submitsOnly ? plan : { ...plan, clients: drawClients(plan), full: drawFull(plan) };
}

/** From numbers of its own: a run of clients that only submit stays what it was. */
function drawClients({ seed, weights, queues }: ChaosPlan): ClientPlan {
  const random = createRandom(`chaos/${seed}/clients`);
  const is = (): boolean => random.below(2) === 0;
  return {
    cancels: is(),
    retries: is(),
    after: is(),
    // When it fires follows the wall clock of its owner.
    scheduleCount: weights.wallJump > 0 ? 0 : random.below(3),
    // What a stream has on its way is more than the shortest queues hold: on each new link it would break the next one.
    follows: queues.queueBytesMax === undefined && createRandom(`chaos/${seed}/follows`).below(3) === 0,
  };
}

/** In every third run one node has room for few jobs. */
function drawFull({ seed, names, isCalm }: ChaosPlan): string | null {
  const random = createRandom(`chaos/${seed}/full`);
  return !isCalm && random.below(3) === 0 ? pick(random, names) : null;
}

function drawMixed(seed: string): ChaosPlan {
  const random = createRandom(`chaos/${seed}`);
  const names = [...'abcdefgh'].slice(0, 2 + random.below(7));
  const isCalm = random.below(calmOneIn) === 0;
  const plan: ChaosPlan = {
    seed,
    names,
    seeds: names.slice(0, 1 + random.below(3)).map((name) => `${name}:1`),
    weights: drawWeights(random, isCalm),
    isCalm,
    hasJournals: random.below(3) > 0,
    loss: isCalm ? 0 : pick(random, [0, 0, 0.01, 0.05]),
    delayMs: pick(random, [
      [0.2, 3],
      [0.05, 0.2],
      [5, 40],
    ]),
    format: random.below(3) === 0 ? 'messages' : 'bytes',
    pieceBytes: pick(random, [
      [1, 1],
      [1, 100],
      [1, limits.chunkBytesMax],
    ]),
    queues: random.below(3) === 0 ? shortQueues : {},
    faultsMs: 30_000,
    faultGapMs: pick(random, [500, 2_000, 5_000]),
    jobGapMs: pick(random, [200, 1_000]),
    runMs: [1, pick(random, [20, 1_500])],
    clients: noClients,
    full: null,
  };
  return { ...plan, weights: { ...plan.weights, ...drawJobWeights(random, plan) } };
}

/** Nothing else is wrong: what comes of it comes of that fault. */
function withFault(plan: ChaosPlan, fault: FaultClass): ChaosPlan {
  const weights = faultKinds.map((kind) => [kind, kind === fault ? 1 : 0] as const);
  return {
    ...plan,
    weights: Object.fromEntries(weights) as Record<FaultKind, number>,
    isCalm: fault === noFault,
    hasJournals: plan.hasJournals || (fault !== noFault && journalKinds.has(fault)),
    loss: 0,
    pieceBytes: [1, limits.chunkBytesMax],
    queues: {},
    jobGapMs: manyJobsGapMs,
    runMs: [1, 20],
  };
}

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.below(items.length)] as Item;
}

/** So many of them, each once, in random order. */
export function pickSome<Item>(random: Random, items: readonly Item[], count: number): Item[] {
  const rest = [...items];
  return Array.from({ length: Math.min(count, rest.length) }, () => {
    const [taken] = rest.splice(random.below(rest.length), 1);
    return taken as Item;
  });
}

/** Null when there is none. */
export function drawFault(random: Random, weights: ChaosPlan['weights']): FaultKind | null {
  const total = faultKinds.reduce((sum, kind) => sum + weights[kind], 0);
  let left = random.next() * total;
  for (const kind of faultKinds) {
    left -= weights[kind];
    if (left < 0) return kind;
  }
  return null;
}

/** Drawn last: that they are there changes nothing for the others. */
function drawJobWeights(
  random: Random,
  { isCalm, hasJournals }: ChaosPlan,
): Partial<Record<FaultKind, number>> {
  const weights = jobKinds.map((kind) => {
    const weight = drawWeight(random);
    return [kind, isCalm || (journalKinds.has(kind) && !hasJournals) ? 0 : weight] as const;
  });
  return Object.fromEntries(weights);
}

/** A third of all kinds in each run. */
function drawWeights(random: Random, isCalm: boolean): Record<FaultKind, number> {
  const weights = faultKinds.map((kind) => {
    if (jobKinds.includes(kind)) return [kind, 0] as const;
    const weight = drawWeight(random);
    return [kind, isCalm ? 0 : weight] as const;
  });
  return Object.fromEntries(weights) as Record<FaultKind, number>;
}

function drawWeight(random: Random): number {
  return random.below(3) === 0 ? 1 + random.below(3) : 0;
}
