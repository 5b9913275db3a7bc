import { createRandom, type Random } from '../core/random.js';
import { Fleet } from './fleet/fleet.js';
import type { FleetNode } from './fleet/fleet-node.js';
import { SimulationGauge, type TrafficMark } from './simulation-gauge.js';
import { type SimulationOptions, type SimulationTimes, simulationTimes } from './simulation-options.js';
import { reportOf } from './simulation-report.js';
import type { SimulationResult } from './simulation-result.js';
import { type Fate, SimulationViews } from './simulation-views.js';

/** How far a simulation is, for those who wait for it. */
export interface SimulationProgress {
  readonly phase: string;
  readonly simulatedMs: number;
  /** Null while the nodes start: nobody knows how long they take. */
  readonly totalMs: number | null;
  readonly running: number;
  /** Part of all there is to know, from 0 to 1. */
  readonly known: number;
  readonly events: number;
}

/** Processes that are started together don't start at the same moment. */
const startSpreadMs = 100;
/** A start that takes longer has failed, and is told so. */
const startLimitMs = 180_000;
const startStepMs = 5;
const gaugeMs = 1_000;
/** How long a slow node's loop blocks, and how long it runs in between, drawn evenly. */
export const blockMs = 2_000;
const unblockedMs = [2_000, 6_000] as const;

/** One simulation from the start of its nodes to the reading of the result. */
export class Simulation {
  readonly fleet: Fleet;
  readonly views: SimulationViews;
  readonly gauge: SimulationGauge;
  readonly times: SimulationTimes;
  /** Part of what there is to know, over time. */
  readonly startCurve: [number, number][] = [[0, 0]];
  /** When the start was over; what is done then is timed from here on. */
  startedAtMs = 0;
  startAllKnowMs: number | null = null;
  joinAllKnowMs: number | null = null;
  healAllKnowMs: number | null = null;
  idle: readonly [TrafficMark, TrafficMark] | null = null;
  /** Nodes of each fate, drawn beforehand. */
  readonly drawn: Readonly<Record<'rumour' | Fate, readonly FleetNode[]>>;
  cutCount = 0;
  readonly #random: Random;
  /** Waits for all to know all, and is told when. */
  #awaited: ((tookMs: number) => void) | null = null;
  #awaitedFromMs = 0;
  #phase = 'start';

  constructor(readonly options: SimulationOptions) {
    this.#random = createRandom(`${options.seed}/simulation`);
    this.views = new SimulationViews(() => this.fleet.nowMs);
    this.fleet = new Fleet({
      seed: options.seed,
      nodesMax: options.nodes + options.join,
      seedNodes: Math.min(options.seedNodes, options.nodes),
      network: { delayMs: options.delayMs, loss: options.loss },
      ...(options.membership && { membership: options.membership }),
      ...(options.links && { links: options.links }),
      watch: this.views.watch,
    });
    for (let count = 0; count < options.nodes; count++) this.#add();
    this.gauge = new SimulationGauge(this.fleet);
    this.times = simulationTimes(options);
    this.drawn = this.#draw();
  }

  /** Runs it all, and shows how far it is now and then. */
  *run(): Generator<SimulationProgress, SimulationResult> {
    yield* this.#start();
    this.#plan();
    yield* this.#runUntil(this.startedAtMs + this.times.endMs);
    return reportOf(this);
  }

  get running(): FleetNode[] {
    return this.fleet.nodes.filter((node) => node.isUp && this.views.fates[node.index] !== 'hung');
  }

  *#start(): Generator<SimulationProgress, void> {
    const { fleet, options } = this;
    const known = options.start === 'established' ? [...fleet.records] : [];
    if (known.length > 0) {
      for (const node of fleet.nodes) {
        node.start(known);
        if (node.index % 100 === 99) yield this.#progress(null);
      }
      this.startAllKnowMs = 0;
      this.startCurve.push([0, 1]);
      return;
    }
    for (const node of fleet.nodes) fleet.at(this.#random.next() * startSpreadMs, () => node.start([]));
    for (let step = 1; ; step++) {
      fleet.runUntil(step * startStepMs);
      const isOver = this.#knownPart() === 1 && fleet.nodes.every(({ isUp }) => isUp);
      if (isOver) this.startAllKnowMs = this.views.changedAtMs;
      if (step % 10 === 0 || isOver) this.startCurve.push([fleet.nowMs, this.#knownPart()]);
      if (step % (gaugeMs / startStepMs) === 0) this.gauge.read();
      if (isOver || fleet.nowMs >= startLimitMs) break;
      if (step % 10 === 0) yield this.#progress(null);
    }
    this.startedAtMs = fleet.nowMs;
  }

  *#runUntil(endMs: number): Generator<SimulationProgress, void> {
    const { fleet, gauge } = this;
    let gaugeAtMs = fleet.nowMs + gaugeMs;
    while (fleet.nowMs < endMs) {
      fleet.runUntil(Math.min(endMs, fleet.nowMs + 50));
      if (fleet.nowMs >= gaugeAtMs) {
        gauge.read();
        gaugeAtMs += gaugeMs;
      }
      this.#checkAwaited();
      yield this.#progress(endMs);
    }
  }

  #plan(): void {
    const { times, fleet, drawn, options } = this;
    const at = (atMs: number, phase: string, action: () => void): void =>
      fleet.at(this.startedAtMs + atMs, () => {
        this.#phase = phase;
        action();
      });
    let idleFrom: TrafficMark | null = null;
    at(times.idleMs, 'idle', () => {
      idleFrom = this.gauge.mark();
    });
    at(times.rumourMs, 'a change spreads', () => {
      if (idleFrom !== null) this.idle = [idleFrom, this.gauge.mark()];
      this.#startRumour();
      for (const node of drawn.slow) this.#blockLater(node);
    });
    if (options.join > 0) at(times.joinMs, 'join', () => this.#join());
    if (options.kill > 0) at(times.killMs, 'kill', () => this.#end(drawn.killed, 'killed'));
    if (options.hang > 0) at(times.hangMs, 'hang', () => this.#end(drawn.hung, 'hung'));
    if (options.partition > 0) at(times.cutMs, 'partition', () => this.#cut());
    if (options.partition > 0) at(times.healMs, 'heal', () => this.#heal());
    if (options.mute > 0) at(times.muteMs, 'mute', () => this.#mute(true));
    if (times.calmMs < times.endMs) at(times.calmMs, 'calm', () => this.#mute(false));
  }

  #startRumour(): void {
    const [node] = this.drawn.rumour;
    if (node === undefined) return;
    const { nowMs: atMs, nodes } = this.fleet;
    this.views.rumour = { node: node.index, atMs, of: nodes.length, knownAtMs: new Map() };
    node.arrive({ type: 'request', request: 1, command: { type: 'drain', node: null } });
  }

  #blockLater(node: FleetNode): void {
    const [minMs, maxMs] = unblockedMs;
    const afterMs = minMs + this.#random.next() * (maxMs - minMs);
    const isFirst = this.views.fates[node.index] !== 'slow';
    this.views.fates[node.index] = 'slow';
    const { fleet } = this;
    fleet.at(fleet.nowMs + (isFirst ? this.#random.next() * maxMs : afterMs), () => {
      if (fleet.nowMs + blockMs >= this.startedAtMs + this.times.calmMs) return;
      node.stall();
      fleet.at(fleet.nowMs + blockMs, () => {
        node.resume();
        this.#blockLater(node);
      });
    });
  }

  #join(): void {
    const { fleet, options } = this;
    for (let count = 0; count < options.join; count++) {
      const node = this.#add();
      fleet.at(fleet.nowMs + this.#random.next() * startSpreadMs, () => node.start([]));
    }
    this.#await((tookMs) => {
      this.joinAllKnowMs = tookMs;
    });
  }

  #end(nodes: readonly FleetNode[], fate: 'killed' | 'hung'): void {
    for (const node of nodes) {
      this.views.expectDeath(node.index, fate);
      this.views.forgetSeer(node.index);
      if (fate === 'killed') node.kill();
      else node.stall();
    }
  }

  #mute(isMute: boolean): void {
    for (const node of this.drawn.mute) {
      this.views.fates[node.index] = 'mute';
      node.isMute = isMute;
    }
    if (!isMute) this.fleet.network.release();
  }

  #cut(): void {
    const running = this.running.filter((node) => !this.drawn.rumour.includes(node));
    shuffle(running, this.#random);
    this.cutCount = Math.round(this.options.partition * this.running.length);
    for (const node of running.slice(0, this.cutCount)) node.side = 1;
    this.views.isCut = true;
  }

  #heal(): void {
    for (const node of this.fleet.nodes) node.side = 0;
    this.fleet.network.release();
    this.#await((tookMs) => {
      this.views.isCut = false;
      this.healAllKnowMs = tookMs;
    });
  }

  #await(known: (tookMs: number) => void): void {
    this.#awaited = known;
    this.#awaitedFromMs = this.fleet.nowMs;
  }

  #checkAwaited(): void {
    if (this.#awaited === null || this.#knownPart() !== 1) return;
    this.#awaited(Math.max(0, this.views.changedAtMs - this.#awaitedFromMs));
    this.#awaited = null;
  }

  #add(): FleetNode {
    const node = this.fleet.add();
    this.views.add(node);
    return node;
  }

  /** Part of what the nodes that are there, or about to be started, should know of each other. */
  #knownPart(): number {
    let wanted = 0;
    for (const { status, index } of this.fleet.nodes)
      if (status !== 'dead' && this.views.fates[index] !== 'hung') wanted++;
    // While some still know of nodes that have ended, there is more than all: that isn't it either.
    return wanted < 2 ? 1 : this.views.presentPairs / (wanted * (wanted - 1));
  }

  #draw(): Simulation['drawn'] {
    const { kill, hang, mute, block, nodes } = this.options;
    const pool = [...this.fleet.nodes];
    shuffle(pool, this.#random);
    const take = (count: number): FleetNode[] => pool.splice(0, count);
    const [rumour, killed, hung, muted] = [take(1), take(kill), take(hang), take(mute)];
    const slow = take(Math.round(block * nodes));
    return { rumour, killed, hung, mute: muted, slow, healthy: pool };
  }

  #progress(totalMs: number | null): SimulationProgress {
    const { fleet } = this;
    const running = fleet.nodes.reduce((count, { isUp }) => count + (isUp ? 1 : 0), 0);
    const known = this.#knownPart();
    return {
      phase: this.#phase,
      simulatedMs: fleet.nowMs,
      totalMs,
      running,
      known,
      events: fleet.eventCount,
    };
  }
}

/** Fisher and Yates. */
function shuffle<Item>(items: Item[], random: Random): void {
  for (let index = items.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [items[index], items[other]] = [items[other] as Item, items[index] as Item];
  }
}
