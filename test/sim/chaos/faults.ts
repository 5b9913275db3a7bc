import type { NodeEffect } from '../../../src/core/effects.js';
import type { Random } from '../../../src/core/random.js';
import type { Invariants } from '../../../src/sim/invariants.js';
import type { SimNode } from '../../../src/sim/sim-node.js';
import { DiskFaults } from './disk-faults.js';
import { LinkFaults } from './link-faults.js';
import type { ChaosNodes } from './nodes.js';
import { type ChaosPlan, drawFault, type FaultKind, pick, pickSome } from './plan.js';
import { Reliefs } from './reliefs.js';

export interface ChaosFaultsOptions {
  readonly plan: ChaosPlan;
  readonly nodes: ChaosNodes;
  readonly random: Random;
  readonly invariants: Invariants;
  /** Gives a node a job with so many bytes of arguments. */
  readonly submit: (entry: string, argsBytes: number) => void;
}

const floodBytes = 8_000;
const hourMs = 3_600_000;
const strangerCluster = 'other';

/** Nodes that live may take each other for dead: both sides go on, and what they do may be done twice. */
/** Where packets are lost, the dial after one of these may take longer than a suspicion, and both ends of a pair take the other for dead. */
const resets: ReadonlySet<FaultKind> = new Set(['resetOne', 'resetPair', 'resetStorm', 'tailLost']);

const dividing: ReadonlySet<FaultKind> = new Set([
  'cutPair',
  'cutOneWay',
  'isolate',
  'deafen',
  'mute',
  'halves',
  'bridge',
  'flipFlop',
  'silentLink',
  'slowPath',
  'stalledReader',
  'flood',
  'dialsRefused',
  'dialsSilent',
  'lossSpell',
  'twin',
  'newId',
]);

/** Has things go wrong, several at a time, each for a while. */
export class ChaosFaults {
  readonly fired = new Map<FaultKind, number>();
  /** What happened when, for whoever looks into a run. */
  readonly story: string[] = [];
  private readonly reliefs: Reliefs;
  private readonly links: LinkFaults;
  private readonly disks: DiskFaults;
  private newcomers = 0;
  /** Somebody who copies a job is to be killed at it: after so many more who do. */
  private busyLeft = Number.POSITIVE_INFINITY;

  constructor(private readonly options: ChaosFaultsOptions) {
    const { plan, nodes, random } = options;
    this.reliefs = new Reliefs(nodes.cluster.time);
    this.links = new LinkFaults({ plan, nodes, random, reliefs: this.reliefs });
    this.disks = new DiskFaults({ nodes, random, reliefs: this.reliefs });
  }

  /** Draws faults until the time for them is over. */
  schedule(): void {
    const { plan, nodes, random } = this.options;
    const { time } = nodes.cluster;
    if (plan.isCalm) return;
    const next = (): void => {
      const kind = drawFault(random, plan.weights);
      if (kind !== null && time.nowMs < plan.faultsMs) {
        this.inflict(kind);
        time.after(plan.faultGapMs * 2 * random.next(), next);
      }
    };
    time.after(plan.faultGapMs * random.next(), next);
  }

  /** Ends everything that still goes on. */
  relieveAll(): void {
    this.busyLeft = Number.POSITIVE_INFINITY;
    this.reliefs.relieveAll();
  }

  /** A node does something. */
  performed({ name, status }: SimNode, effect: NodeEffect): void {
    if (this.busyLeft === Number.POSITIVE_INFINITY || !copies(effect)) return;
    if (status !== 'running' || !this.options.plan.names.includes(name) || --this.busyLeft >= 0) return;
    this.busyLeft = Number.POSITIVE_INFINITY;
    // From before anything has arrived until shortly after the answer has.
    const delayMs = pick(this.options.random, [0, 0, 1, 5, 20]) * this.options.random.next();
    this.reliefs.later(delayMs, () => this.killAt(name, effect));
  }

  private inflict(kind: FaultKind): void {
    const victim = this.pickRunning();
    if (victim === null) return;
    const about = this.carryOut(kind, victim);
    if (about !== null) this.note(kind, about);
  }

  private carryOut(kind: FaultKind, victim: SimNode): string | null {
    switch (kind) {
      case 'resetOne':
      case 'resetPair':
      case 'resetStorm':
      case 'tailLost':
      case 'silentLink':
      case 'slowPath':
      case 'dialsRefused':
      case 'dialsSilent':
        return this.links[kind](victim);
      case 'diskFull':
      case 'diskBroken':
      case 'slowSync':
      case 'bitFlip':
        return this.disks[kind](victim);
      default:
        return this[kind](victim);
    }
  }

  private note(kind: FaultKind, about: string): void {
    this.fired.set(kind, (this.fired.get(kind) ?? 0) + 1);
    const { plan } = this.options;
    if (dividing.has(kind) || (plan.loss > 0 && resets.has(kind)))
      this.options.invariants.copies.mayRepeat = true;
    this.story.push(`${(this.options.nodes.cluster.time.nowMs / 1000).toFixed(3)} s  ${kind} ${about}`);
  }

  /** It comes when somebody copies a job. */
  private killBusy(): null {
    this.busyLeft = this.options.random.below(6);
    return null;
  }

  private killAt(name: string, effect: NodeEffect): void {
    if (this.options.nodes.cluster.node(name).status !== 'running') return;
    this.note('killBusy', `${this.kill({ name })}, after its ${effect.type}`);
  }

  private kill({ name }: Pick<SimNode, 'name'>): string {
    this.options.nodes.kill(name);
    const lengthMs = pick(this.options.random, [50, 500, 3_000, 15_000]);
    this.reliefs.lasting(lengthMs, () => this.options.nodes.restart(name));
    return `${name}, for ${lengthMs} ms`;
  }

  /** No goodbye, no reset: the others are left with links that nobody answers on. */
  private powerLoss({ name }: SimNode): string {
    this.options.nodes.powerOff(name);
    const lengthMs = pick(this.options.random, [500, 3_000, 15_000]);
    this.reliefs.lasting(lengthMs, () => this.options.nodes.restart(name));
    return `${name}, for ${lengthMs} ms`;
  }

  private powerLossInStart({ name }: SimNode): string {
    const { nodes, random } = this.options;
    const count = 1 + random.below(3);
    nodes.powerOff(name);
    for (let start = 0; start < count; start++) nodes.startInVain(name);
    this.reliefs.lasting(500, () => nodes.restart(name));
    return `${name}, ${count} times`;
  }

  private pause(victim: SimNode): string {
    const lengthMs = pick(this.options.random, [1_000, 5_000, 30_000]);
    return this.sleep(victim, lengthMs);
  }

  private block(victim: SimNode): string {
    return this.sleep(victim, 100 * 100 ** this.options.random.next());
  }

  private blockOften(victim: SimNode): string {
    const { random } = this.options;
    const [lengthMs, gapMs] = [200 + random.next() * 2_000, 200 + random.next() * 2_000];
    for (let block = 0; block < 6; block++)
      this.reliefs.later(block * (lengthMs + gapMs), () => this.sleep(victim, lengthMs));
    return `${victim.name}, for ${lengthMs.toFixed(0)} ms every ${(lengthMs + gapMs).toFixed(0)} ms`;
  }

  private cutPair({ name }: SimNode): string | null {
    const other = this.pickOther(name);
    return other === null ? null : this.cutFor([[name], [other]], 'both');
  }

  private cutOneWay({ name }: SimNode): string | null {
    const other = this.pickOther(name);
    return other === null ? null : this.cutFor([[name], [other]], 'forth');
  }

  private isolate({ name }: SimNode): string {
    return this.cutFor([[name], this.others(name)], 'both');
  }

  /** It is heard, and hears nothing. */
  private deafen({ name }: SimNode): string {
    return this.cutFor([this.others(name), [name]], 'forth');
  }

  /** It hears, and is not heard. */
  private mute({ name }: SimNode): string {
    return this.cutFor([[name], this.others(name)], 'forth');
  }

  private halves(): string {
    return this.cutFor(this.drawHalves(this.options.plan.names), 'both');
  }

  /** Two halves that see each other only through one node. */
  private bridge({ name }: SimNode): string {
    return this.cutFor(this.drawHalves(this.others(name)), 'both');
  }

  private flipFlop(): string {
    const { random } = this.options;
    const halves = this.drawHalves(this.options.plan.names);
    const periodMs = 200 + random.next() * 3_000;
    for (let flip = 0; flip < 5; flip++)
      this.reliefs.later(flip * 2 * periodMs, () => this.cut(halves, 'both', periodMs));
    return `${describeSides(halves)}, every ${periodMs.toFixed(0)} ms`;
  }

  private stalledReader({ name }: SimNode): string {
    const { network } = this.options.nodes.cluster;
    const lengthMs = pick(this.options.random, [500, 5_000, 15_000]);
    network.stallReads(name, true);
    this.reliefs.lasting(lengthMs, () => network.stallReads(name, false));
    return `${name}, for ${lengthMs} ms`;
  }

  /** More work than a node can hand out to one that doesn't read. */
  private flood({ name }: SimNode): string | null {
    const { nodes, random, submit } = this.options;
    const reader = this.pickOther(name);
    if (reader === null) return null;
    const count = 10 + random.below(40);
    nodes.cluster.network.stallReads(reader, true);
    this.reliefs.lasting(2_000, () => nodes.cluster.network.stallReads(reader, false));
    for (let job = 0; job < count; job++) submit(name, floodBytes);
    return `of ${count} jobs at ${name}, and ${reader} does not read`;
  }

  private lossSpell(): string {
    const { nodes, random, plan } = this.options;
    const { network } = nodes.cluster;
    const loss = pick(random, [0.1, 0.3, 0.8]);
    network.loss = loss;
    const lengthMs = 2_000 + random.next() * 10_000;
    this.reliefs.lasting(lengthMs, () => {
      network.loss = plan.loss;
    });
    return `${loss}, for ${lengthMs.toFixed(0)} ms`;
  }

  private wallJump(victim: SimNode): string {
    const jumpMs = this.options.random.below(2) === 0 ? hourMs : -hourMs;
    victim.wallOffsetMs += jumpMs;
    return `${victim.name} by ${jumpMs} ms`;
  }

  /** Not of a seed: when all seeds have left and come back, they know nobody, and nobody dials who has left. */
  private leave(victim: SimNode): string | null {
    const { random, nodes, plan } = this.options;
    if (plan.seeds.includes(victim.core.self().address)) return null;
    victim.arrive({ type: 'leave' });
    this.reliefs.lasting(1_000 + random.next() * 8_000, () => nodes.restart(victim.name));
    return victim.name;
  }

  private rollingRestart(): string {
    const { random, nodes, plan } = this.options;
    const gapMs = 300 + random.next() * 1_500;
    plan.names.forEach((name, index) => {
      this.reliefs.later(index * 2 * gapMs, () => {
        nodes.kill(name);
        this.reliefs.lasting(gapMs, () => nodes.restart(name));
      });
    });
    return `every ${(2 * gapMs).toFixed(0)} ms`;
  }

  /** The second node has a copy of the first one's data directory. */
  private twin({ name }: SimNode): string {
    const { nodes } = this.options;
    const twin = nodes.startTwin(name, this.nameNewcomer('t'));
    this.reliefs.lasting(5_000, () => nodes.kill(twin.name));
    return `${twin.name} of ${name}`;
  }

  /** The node's data directory was lost: another id at the same address. */
  private newId({ name }: SimNode): string {
    const { nodes } = this.options;
    nodes.kill(name);
    nodes.renew(name);
    this.reliefs.lasting(1_000 * this.options.random.next(), () => nodes.restart(name));
    return name;
  }

  private stranger(): string {
    const { nodes } = this.options;
    const stranger = nodes.startStranger(this.nameNewcomer('s'), strangerCluster);
    this.reliefs.lasting(10_000, () => nodes.kill(stranger.name));
    return stranger.name;
  }

  private seedsGone(): string {
    const { nodes, plan, random } = this.options;
    const names = plan.seeds.map((address) => address.split(':')[0] as string);
    this.bringDown(names, 2_000 + random.next() * 15_000);
    return names.join(' ') + (nodes.live().length === 0 ? ', and nobody is left' : '');
  }

  private coldStart(): string {
    const { plan, random } = this.options;
    const lengthMs = random.next() * 3_000;
    this.bringDown(plan.names, lengthMs);
    return `after ${lengthMs.toFixed(0)} ms`;
  }

  private bringDown(names: readonly string[], lengthMs: number): void {
    const { nodes } = this.options;
    for (const name of names) nodes.kill(name);
    this.reliefs.lasting(lengthMs, () => {
      for (const name of names) nodes.restart(name);
    });
  }

  private sleep(victim: SimNode, lengthMs: number): string {
    victim.pause();
    this.reliefs.lasting(lengthMs, () => victim.resume());
    return `${victim.name}, for ${lengthMs.toFixed(0)} ms`;
  }

  private cutFor(sides: Sides, ways: 'both' | 'forth'): string {
    const lengthMs = pick(this.options.random, [300, 2_000, 10_000, 25_000]);
    this.cut(sides, ways, lengthMs);
    return `${describeSides(sides)}, for ${lengthMs} ms`;
  }

  private cut([left, right]: Sides, ways: 'both' | 'forth', lengthMs: number): void {
    const { network } = this.options.nodes.cluster;
    const pairs = left.flatMap((from) => right.map((to) => [from, to] as const));
    const paths = ways === 'forth' ? pairs : [...pairs, ...pairs.map(([from, to]) => [to, from] as const)];
    for (const [from, to] of paths) network.cut(from, to);
    this.reliefs.lasting(lengthMs, () => {
      for (const [from, to] of paths) network.uncut(from, to);
    });
  }

  private drawHalves(names: readonly string[]): Sides {
    const { random } = this.options;
    const left = pickSome(random, names, 1 + random.below(Math.max(1, names.length - 1)));
    return [left, names.filter((name) => !left.includes(name))];
  }

  /** Whatever is added to fill it up to an id, no two are alike. */
  private nameNewcomer(kind: string): string {
    return `${kind}${(22 * 22 + this.newcomers++).toString(22)}`;
  }

  private others(name: string): string[] {
    return this.options.plan.names.filter((other) => other !== name);
  }

  private pickOther(name: string): string | null {
    const others = this.others(name);
    return others.length === 0 ? null : pick(this.options.random, others);
  }

  private pickRunning(): SimNode | null {
    const running = this.options.nodes.live().filter(({ status }) => status === 'running');
    return running.length === 0 ? null : pick(this.options.random, running);
  }
}

type Sides = readonly [left: readonly string[], right: readonly string[]];

function describeSides([left, right]: Sides): string {
  return `${left.join('')} | ${right.join('')}`;
}

/** A job is on its way to another node, or to the disk. */
function copies(effect: NodeEffect): boolean {
  if (effect.type === 'send') return effect.message.type === 'keep' || effect.message.type === 'kept';
  return effect.type === 'journal';
}
