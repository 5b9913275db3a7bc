import { setTimeout as delay } from 'node:timers/promises';
import type { Entry } from './entry.js';
import type { PlannedFault } from './fault-plan.js';
import type { FaultPeriod } from './history.js';
import type { SoakNodes } from './nodes.js';
import type { Workload } from './workload.js';

export interface FaultsOptions {
  readonly nodes: SoakNodes;
  readonly workload: Workload;
  /** The ways into the nodes, by place. */
  readonly entries: readonly Entry[];
  /** The node whose disk is small; null when none's is. */
  readonly smallDisk: number | null;
  /** The nodes that jobs are submitted to. Only these get jobs of their own to keep. */
  readonly submittedTo: ReadonlySet<number>;
}

export interface FaultDone {
  readonly period: FaultPeriod;
  /** Whether it had the effect that it is there for. */
  readonly hasFired: boolean;
}

/** Jobs that a node has just acknowledged and not begun when a fault hits it: they are due a moment later. */
const ownedCount = 10;
const owned = { durationMs: 0, delayMs: 500, hasKey: false };
/** Jobs of another owner, some of which it runs then. */
const runningCount = 10;
const running = { durationMs: 1_500, delayMs: 0, hasKey: false };
/** Until these have started. */
const plantedPauseMs = 200;
/** Says whether a node takes jobs. */
const trial = { durationMs: 0, delayMs: 0, hasKey: false };
/**
 * What fills the room that is left in the node's own files: it must stay for so long, as what is done makes room again. Each is one line
 * of at most 64 KiB.
 */
const filling = { ...trial, delayMs: 8_000, ballast: 60 * 1024 };
const fillingsAtOnce = 30;
const trialEveryMs = 100;
/** A node whose disk is full has some room left in what it has: it must run out of that. */
const noticeMs = 10_000;
/** A node that was out of room must take jobs again so soon after there is some. */
const recoveryMs = 15_000;

/**
 * Does this to the nodes, and undoes it: resolves when all are up again and each shows all as alive, so that no two faults are there
 * at a time. Throws when it does not come to that.
 */
export async function performFault(fault: PlannedFault, options: FaultsOptions): Promise<FaultDone> {
  const { nodes } = options;
  const done = await perform(fault, options);
  await nodes.untilAgreed();
  const { fromMs, hasFired, places } = done;
  const names = places.map((place) => nodes.nameOf(place));
  return { hasFired, period: { kind: fault.kind, nodes: names, fromMs, untilMs: Date.now() } };
}

interface Performed {
  readonly fromMs: number;
  readonly places: readonly number[];
  readonly hasFired: boolean;
}

function perform(fault: PlannedFault, options: FaultsOptions): Promise<Performed> {
  switch (fault.kind) {
    case 'kill':
      return kill(fault, options);
    case 'kill-all':
      return killAll(fault, options.nodes);
    case 'stop':
      return stop(fault, options);
    case 'partition':
      return part(fault, options.nodes);
    case 'disk':
      return fillDisk(fault, options);
    case 'rolling':
      return restartAll(fault, options.nodes);
  }
}

async function kill(
  { node: place, downMs }: PlannedFault & { readonly kind: 'kill' },
  options: FaultsOptions,
): Promise<Performed> {
  const { nodes } = options;
  await giveWork(place, options);
  const fromMs = Date.now();
  const hasFired = await killNow(nodes, place);
  await delay(downMs);
  await nodes.start(place);
  return { fromMs, places: [place], hasFired };
}

async function killAll(
  { downMs }: PlannedFault & { readonly kind: 'kill-all' },
  nodes: SoakNodes,
): Promise<Performed> {
  const places = placesOf(nodes);
  const fromMs = Date.now();
  const killed = await Promise.all(places.map((place) => killNow(nodes, place)));
  await delay(downMs);
  await nodes.startAll();
  return { fromMs, places, hasFired: killed.every(Boolean) };
}

async function killNow(nodes: SoakNodes, place: number): Promise<boolean> {
  const node = nodes.at(place);
  node.kill('SIGKILL');
  return (await node.ended).signal === 'SIGKILL';
}

/** Whatever the hour, the fault must find jobs that the node owns, and jobs that it runs for others. */
async function giveWork(place: number, { workload, entries, submittedTo }: FaultsOptions): Promise<void> {
  const other = [...submittedTo].find((each) => each !== place) as number;
  await workload.plant(entries[other] as Entry, runningCount, running);
  if (submittedTo.has(place)) await workload.plant(entries[place] as Entry, ownedCount, owned);
  await delay(plantedPauseMs);
}

async function stop(
  { node: place, forMs }: PlannedFault & { readonly kind: 'stop' },
  options: FaultsOptions,
): Promise<Performed> {
  const { nodes } = options;
  await giveWork(place, options);
  const { child } = nodes.at(place);
  const fromMs = Date.now();
  const hasFired = child.kill('SIGSTOP');
  try {
    await delay(forMs);
  } finally {
    child.kill('SIGCONT');
  }
  return { fromMs, places: [place], hasFired };
}

/** It has fired when one side has taken the other for gone. */
async function part(
  { apart, forMs }: PlannedFault & { readonly kind: 'partition' },
  nodes: SoakNodes,
): Promise<Performed> {
  const witness = placesOf(nodes).find((place) => !apart.includes(place)) as number;
  const fromMs = Date.now();
  nodes.cutOff(apart);
  try {
    await delay(forMs);
    const alive = await nodes.aliveAt(witness);
    return { fromMs, places: apart, hasFired: alive.length === nodes.count - apart.length };
  } finally {
    nodes.heal();
  }
}

/** It has fired when the node has refused a job for it. Afterwards the node must take jobs again by itself. */
async function fillDisk(
  { forMs }: PlannedFault & { readonly kind: 'disk' },
  { nodes, workload, entries, smallDisk }: FaultsOptions,
): Promise<Performed> {
  if (smallDisk === null) throw new Error('no node has a small disk');
  const entry = entries[smallDisk] as Entry;
  const fromMs = Date.now();
  const hasRefused = (): boolean => workload.wasRefused(entry.name, 'STORE_FAILED', fromMs);
  try {
    nodes.fillDisk();
    while (!hasRefused() && Date.now() < fromMs + noticeMs) {
      await workload.plant(entry, fillingsAtOnce, filling);
      await delay(trialEveryMs);
    }
    await delay(forMs);
  } finally {
    nodes.emptyDisk();
  }
  const deadlineMs = Date.now() + recoveryMs;
  while ((await workload.plant(entry, 1, trial)) === 0) {
    if (Date.now() > deadlineMs)
      throw new Error(`${entry.name} took no job within ${recoveryMs} ms after its disk had room again`);
    await delay(trialEveryMs);
  }
  return { fromMs, places: [smallDisk], hasFired: hasRefused() };
}

async function restartAll(
  { order }: PlannedFault & { readonly kind: 'rolling' },
  nodes: SoakNodes,
): Promise<Performed> {
  const fromMs = Date.now();
  for (const place of order) {
    const end = await nodes.at(place).stop();
    if (end.code !== 0)
      throw new Error(`${nodes.nameOf(place)} was asked to leave, and ended with ${JSON.stringify(end)}`);
    await nodes.start(place);
    await nodes.untilAgreed();
  }
  return { fromMs, places: order, hasFired: true };
}

function placesOf(nodes: SoakNodes): number[] {
  return Array.from({ length: nodes.count }, (_, place) => place);
}
