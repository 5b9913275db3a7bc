import type { Tags } from '../../../src/core/member.js';
import { createRandom, type Random } from '../../../src/core/random.js';
import { type HandlerWeights, obedientHandlers } from '../../../src/sim/sim-threads.js';

export type FaultKind =
  | 'kill'
  | 'pause'
  | 'resetAll'
  | 'resetOne'
  | 'cutOneWay'
  | 'cutBothWays'
  | 'drain'
  | 'resume'
  | 'leave';

/**
 * calm: nothing fails, and no job is given a reason to run more than once or not at all · unruly: handlers fail, hang and crash,
 * clients cancel and retry, and nodes are drained, but they and their links are sound · stormy: all that, and nodes and links fail.
 * Nodes join in any weather.
 */
export type Weather = 'calm' | 'unruly' | 'stormy';
export const weathers: readonly Weather[] = ['calm', 'unruly', 'stormy'];

/** What exists in one run: drawn first, all from the seed, so that runs differ in kind and not only in moments. */
export interface FuzzPlan {
  readonly seed: string;
  readonly weather: Weather;
  /** Of all nodes; the last ones join later. */
  readonly names: readonly string[];
  readonly joiners: readonly string[];
  readonly concurrency: number;
  readonly outcomesMax: number;
  readonly askTimeoutMs: number;
  /** Limit of an attempt whose job names none. */
  readonly timeoutMs: number;
  readonly delayMs: readonly [min: number, max: number];
  readonly loss: number;
  readonly runMs: readonly [min: number, max: number];
  readonly handlers: HandlerWeights;
  readonly progress: number;
  /** The part of attempts that yield; where there are any, clients follow jobs. */
  readonly streams: number;
  readonly tagsOf: (name: string) => Tags;
  /** All that clients send they send within this time. */
  readonly clientsMs: number;
  readonly submissions: number;
  /** How many of them are not due before the end of the run: what their clients leave behind is seen there. */
  readonly lateSubmissions: number;
  readonly questions: number;
  readonly faults: number;
  readonly faultWeights: Readonly<Record<FaultKind, number>>;
  /** Dead for good in the end, and then forgotten by all; no job asks for it by name or tag. */
  readonly doomed: string | null;
  readonly forgetMs: number;
}

const forgetSoonMs = 40_000;
const nearMs = [0.2, 3] as const;
const farMs = [2, 40] as const;

export function drawPlan(seed: string, weather: Weather): FuzzPlan {
  const random = createRandom(`fuzz/${weather}/${seed}`);
  const isCalm = weather === 'calm';
  const isStormy = weather === 'stormy';
  const names = [...'abcdef'].slice(0, 3 + random.below(4));
  const joiners = names.slice(3 + random.below(names.length - 2));
  const loss = pick(random.fork('loss'), [0, 0.02]);
  const doomed = isStormy && random.below(4) === 0 ? pick(random, names.slice(1)) : null;
  return {
    seed,
    weather,
    names,
    joiners,
    concurrency: pick(random, [1, 2, 16]),
    outcomesMax: isStormy && random.below(4) === 0 ? 20 : 100_000,
    // TCP sends a packet that is lost three times in a row again after 1.4 s; where that may happen, once in some thousand runs, it has time.
    askTimeoutMs: pick(random, loss > 0 ? [4_000, 10_000] : [1_000, 4_000, 10_000]),
    timeoutMs: isCalm ? 600_000 : pick(random, [2_000, 5_000]),
    // On a slow network more happens before the news of it.
    delayMs: pick(random, [nearMs, nearMs, farMs]),
    loss,
    runMs: [1, pick(random, [20, 300, 1_500])],
    handlers: isCalm ? obedientHandlers : drawHandlers(random),
    progress: pick(random, [0, 0.5]),
    streams: pick(random.fork('streams'), [0, 0.5]),
    tagsOf: (name) => [
      ['name', name],
      ['zone', `z${name.charCodeAt(0) % 2}`],
    ],
    clientsMs: 20_000,
    submissions: 160,
    lateSubmissions: 10,
    questions: 100,
    faults: 18,
    faultWeights: drawFaultWeights(random, weather),
    doomed,
    forgetMs: doomed === null ? 24 * 3_600_000 : forgetSoonMs,
  };
}

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.below(items.length)] as Item;
}

/** A key of the record, as often as its weight says. */
export function pickWeighted<Key extends string>(
  random: Random,
  weights: Readonly<Record<Key, number>>,
): Key | null {
  const entries = Object.entries(weights) as [Key, number][];
  let left = random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [key, weight] of entries) {
    left -= weight;
    if (left < 0) return key;
  }
  return null;
}

function drawHandlers(random: Random): HandlerWeights {
  const rarely = (): number => (random.below(2) === 0 ? 0 : random.next() * 0.1);
  return {
    done: 1,
    fails: rarely(),
    failsForGood: rarely(),
    endless: rarely(),
    stubborn: rarely(),
    crashes: rarely(),
  };
}

function drawFaultWeights(random: Random, weather: Weather): Record<FaultKind, number> {
  const isStormy = weather === 'stormy';
  const often = (): number => (isStormy ? random.below(4) : 0);
  const drains = (): number => (weather === 'calm' ? 0 : random.below(4));
  return {
    kill: often(),
    pause: often(),
    resetAll: often(),
    resetOne: often(),
    cutOneWay: often(),
    cutBothWays: often(),
    drain: drains(),
    resume: drains(),
    leave: isStormy ? random.below(2) : 0,
  };
}
