import type { LinksConfig } from '../../../src/core/links/config.js';
import type { NodeCore } from '../../../src/core/node/node-core.js';
import { createRandom, type Random } from '../../../src/core/random.js';
import type { Topic } from '../../../src/core/topics/topic.js';
import { SimCluster } from '../../../src/sim/sim-cluster.js';
import type { SimHooks } from '../../../src/sim/sim-hooks.js';
import { countWanting, TopicChecks } from './checks.js';

/** From 8 members on the mesh is sparse. */
export const sparseLinks: Partial<LinksConfig> = {
  meshLinksMax: 6,
  gossipLinks: 3,
  gossipLinksMax: 6,
  demandLinksMax: 16,
  linksMax: 24,
};

export type TopicFault =
  | 'reset'
  | 'tail'
  | 'kill'
  | 'pause'
  | 'cut'
  | 'cutOneWay'
  | 'silence'
  | 'isolate'
  | 'loss'
  | 'none';
export const topicFaults: readonly TopicFault[] = [
  'reset',
  'tail',
  'kill',
  'pause',
  'cut',
  'cutOneWay',
  'silence',
  'isolate',
  'loss',
];

export interface TopicRunOptions {
  readonly isSparse?: boolean;
  /** Only faults of this kind. */
  readonly fault?: TopicFault;
  /** A way to spoil each node. */
  readonly spoil?: (core: NodeCore) => void;
}

export interface TopicRun {
  readonly faults: readonly string[];
  readonly traceHash: number;
  /** How often each thing has happened. */
  readonly met: ReadonlyMap<string, number>;
}

const names: readonly Topic[] = [
  'room.1',
  'room.2',
  'room.1.left',
  'news',
  'news.de.berlin',
  'log.a',
  '__proto__',
];
const patterns: readonly Topic[] = ['room.*', '*', 'news.*.berlin', '*.1', 'log.*', 'room.*.left'];
const faultsMs = 8_000;
/** What nobody wants any more is kept for 5 s. */
const lingerMs = 6_000;
/** Others take it for dead by then. */
const isolatedMs = 6_000;
/** A member that was cut off is dialled again within half a minute, and comparisons find what is left in another. */
const convergenceMs = 60_000;
/** Where nothing was lost, what has changed last is told within a quarter of a second. */
const calmConvergenceMs = 2_500;

/** One cluster with subscribers that come and go, publishers, and faults; then it is calm, and everything must be right. */
export function runTopics(seed: string, options: TopicRunOptions = {}): TopicRun {
  return new Run(seed, options).run();
}

class Run {
  private readonly random: Random;
  private readonly cluster: SimCluster;
  private readonly checks: TopicChecks;
  private readonly nodes: readonly string[];
  private readonly met = new Map<string, number>();

  constructor(
    seed: string,
    private readonly options: TopicRunOptions,
  ) {
    this.random = createRandom(`${seed}/topics`);
    const hooks: SimHooks[] = options.spoil ? [{ created: ({ core }) => options.spoil?.(core) }] : [];
    this.cluster = new SimCluster({
      seed,
      hooks,
      // Now and then through the real codecs, as on a socket.
      network: { format: this.random.below(4) === 0 ? 'bytes' : 'messages' },
      ...(options.isSparse && { links: sparseLinks, membership: { meshLinksMax: 6 } }),
    });
    this.checks = new TopicChecks(this.cluster);
    const count = options.isSparse ? 16 : 2 + this.random.below(4);
    this.nodes = [...'abcdefghijklmnop'].slice(0, count);
  }

  run(): TopicRun {
    const { cluster } = this;
    for (const name of this.nodes) cluster.start(name);
    cluster.runUntil('all nodes know all', () => cluster.agree(), 20_000);
    const startMs = cluster.time.nowMs;
    const endMs = startMs + faultsMs;
    this.repeat(endMs, 20, () => this.publish());
    this.repeat(endMs, 60, () => this.subscribe());
    this.repeat(endMs, 60, () => this.unsubscribe());
    this.repeat(endMs, 500, () => this.fault());
    cluster.runFor(faultsMs);
    this.calm();
    const found = [...this.converge(), ...this.publishForAll(), ...this.checks.faults()];
    const faults = [...found, ...this.leftovers()];
    return { faults, traceHash: cluster.traceHash, met: this.met };
  }

  private repeat(endMs: number, gapMs: number, action: () => void): void {
    const { time } = this.cluster;
    const next = (): void => {
      if (time.nowMs >= endMs) return;
      action();
      time.after(2 * gapMs * this.random.next(), next);
    };
    time.after(gapMs * this.random.next(), next);
  }

  private publish(): void {
    const node = this.pickPublisher();
    // Several at once, so that they are on their way together.
    const count = 1 + this.random.below(6);
    const topic = this.pick(names);
    for (let index = 0; index < count && node !== null; index++) this.checks.publish(node, topic);
  }

  private subscribe(): void {
    const node = this.pickRunning();
    if (node === null || this.checks.live().length >= 30) return;
    const topics = new Set(
      Array.from({ length: 1 + this.random.below(3) }, () => this.pick([...names, ...patterns])),
    );
    const replay = this.random.below(3) === 0 ? 1 + this.random.below(20) : 0;
    this.note(replay > 0 ? 'replay' : 'subscribe');
    this.checks.subscribe(node, [...topics], replay);
  }

  private unsubscribe(): void {
    const live = this.checks.live();
    if (live.length > 5) this.cluster.abandon(this.pick(live));
  }

  private fault(): void {
    const { cluster, random, options } = this;
    const kind = options.fault ?? this.pick(topicFaults);
    const a = this.pick(this.nodes);
    const b = this.pick(this.nodes.filter((name) => name !== a));
    const lengthMs = 20 * 200 ** random.next();
    const after = (action: () => void): void => cluster.time.after(lengthMs, action);
    this.note(kind);
    switch (kind) {
      case 'reset':
        return cluster.network.resetOneBetween(a, b);
      case 'tail':
        return cluster.network.resetLosingTailTo(b, a);
      case 'kill':
        // One that others join by stays.
        if (a === 'a' || cluster.running().length < this.nodes.length) return;
        cluster.node(a).kill();
        return after(() => void cluster.start(a));
      case 'pause':
        cluster.node(a).pause();
        return after(() => cluster.node(a).resume());
      case 'cut':
        this.cut(a, b);
        return after(() => this.uncut(a, b));
      case 'cutOneWay':
        cluster.network.cut(a, b);
        return after(() => this.uncut(a, b));
      case 'silence':
        return after(cluster.network.silenceBetween(a, b));
      case 'isolate':
        for (const other of this.nodes) this.cut(a, other);
        return cluster.time.after(isolatedMs * (1 + random.next()), () => {
          for (const other of this.nodes) this.uncut(a, other);
        });
      case 'loss':
        cluster.network.loss = 0.2;
        return after(() => {
          cluster.network.loss = 0;
        });
      case 'none':
        return;
    }
  }

  private cut(a: string, b: string): void {
    this.cluster.network.cut(a, b);
    this.cluster.network.cut(b, a);
  }

  private uncut(a: string, b: string): void {
    this.cluster.network.uncut(a, b);
    this.cluster.network.uncut(b, a);
  }

  /** No more faults. */
  private calm(): void {
    const { cluster } = this;
    if (this.options.fault !== 'none') cluster.runFor(2 * isolatedMs);
    cluster.network.heal();
    cluster.network.loss = 0;
    for (const node of cluster.nodes.values()) node.resume();
  }

  private converge(): string[] {
    const { cluster, checks } = this;
    const isCalm = this.options.fault === 'none';
    const limitMs = isCalm ? calmConvergenceMs : convergenceMs;
    const isDone = (): boolean => cluster.agree() && checks.unknownInterest().length === 0;
    for (let waitedMs = 0; waitedMs < limitMs && !isDone(); waitedMs += 250) cluster.runFor(250);
    if (!cluster.agree()) return ['the nodes do not agree on who is there'];
    if (isCalm) return checks.unknownInterest();
    // What was lost last may still be kept, for a while.
    cluster.runFor(6_000);
    return checks.unknownInterest();
  }

  /** All that subscribe get what is published now, and PUBLISH and SUBSCRIBERS say how many these are. */
  private publishForAll(): string[] {
    const { cluster, checks } = this;
    const live = checks.live();
    this.note('live', live.length);
    // In a sparse mesh each publisher needs a link to each subscriber's node, and there is room for a few only.
    const publishers = cluster.running().slice(0, this.options.isSparse ? 2 : 5);
    const published = names.flatMap((topic) =>
      publishers.map(({ name }) => checks.publish(name, topic, true)),
    );
    const count = cluster.request(this.pick(this.nodes), { type: 'subscribers', topics: names });
    cluster.runFor(3_000);
    const wrong = published.flatMap(({ request, topic }) => {
      const wanted = String(countWanting(live, topic));
      const said = request.reply?.ok ? request.reply.text : JSON.stringify(request.reply);
      const isLate = this.options.isSparse && (request.answeredAtMs ?? 0) >= request.askedAtMs + 1_000;
      return said === wanted || isLate
        ? []
        : [`PUBLISH of ${topic} at ${request.node} said ${said} and not ${wanted}`];
    });
    const wanted = `{${names.map((topic) => `"${topic}":${countWanting(live, topic)}`).join(',')}}`;
    const said = count.reply?.ok ? count.reply.text : JSON.stringify(count.reply);
    if (said !== wanted) wrong.push(`SUBSCRIBERS said ${said} and not ${wanted}`);
    return [...checks.missing(live), ...wrong];
  }

  /** In a sparse mesh a publisher comes to have links to all subscribers' nodes: with many, it would be sparse no more. */
  private publishers(): string[] {
    const running = this.cluster.running().map(({ name }) => name);
    return this.options.isSparse ? running.filter((name) => name < 'd') : running;
  }

  private pickPublisher(): string | null {
    const publishers = this.publishers();
    return publishers.length === 0 ? null : this.pick(publishers);
  }

  /** Once all clients are gone, nothing is kept for them, and nobody is told of them. */
  private leftovers(): string[] {
    for (const subscription of this.checks.live()) this.cluster.abandon(subscription);
    this.cluster.runFor(lingerMs);
    return this.cluster.running().flatMap(({ name, core: { topics } }) => {
      const { patterns, filter } = topics.interest.own.record;
      const isEmpty = patterns?.length === 0 && filter.length === 0;
      return [
        ...(topics.subscriptions.count > 0
          ? [`${name} has ${topics.subscriptions.count} subscriptions`]
          : []),
        ...(topics.replays.isAny ? [`${name} has a replay under way`] : []),
        ...(isEmpty ? [] : [`${name} wants what nobody subscribes to`]),
        ...(topics.publishing.isIdle ? [] : [`${name} waits for answers`]),
      ];
    });
  }

  private pickRunning(): string | null {
    const running = this.cluster.running();
    return running.length === 0 ? null : this.pick(running).name;
  }

  private pick<Item>(items: readonly Item[]): Item {
    return items[this.random.below(items.length)] as Item;
  }

  private note(what: string, count = 1): void {
    this.met.set(what, (this.met.get(what) ?? 0) + count);
  }
}
