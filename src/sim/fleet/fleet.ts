import type { NodeEvent } from '../../core/effects.js';
import type { Instant } from '../../core/instant.js';
import { defaultJobsConfig } from '../../core/jobs/config.js';
import { defaultLinksConfig, type LinksConfig } from '../../core/links/config.js';
import { incarnationsPerStart, type MemberRecord } from '../../core/member.js';
import { defaultMembershipConfig, type MembershipConfig } from '../../core/membership/config.js';
import { NodeNumbers } from '../../core/node-map.js';
import { createRandom, hashText, type Random } from '../../core/random.js';
import { EventQueue } from './event-queue.js';
import { type Dial, FleetNetwork, type FleetNetworkOptions, type LinkEnd } from './fleet-network.js';
import { type FleetClock, FleetNode, recordOf } from './fleet-node.js';
import { Traffic } from './traffic.js';

export interface FleetOptions {
  readonly seed: string;
  /** Nodes that there may ever be. */
  readonly nodesMax: number;
  /** The first so many nodes are the addresses that all join by. */
  readonly seedNodes: number;
  readonly network: FleetNetworkOptions;
  readonly membership?: Partial<MembershipConfig>;
  readonly links?: Partial<LinksConfig>;
  /** Is told of every change of a member at every node. */
  watch(seer: FleetNode, member: MemberRecord, previous: MemberRecord | null): void;
}

/** What can be due. Numbers, for the queue keeps them as such. */
const due = { tick: 0, deliver: 1, dial: 2, tell: 3, call: 4 } as const;

/** Where wall time stands when simulated time begins; any fixed moment does. */
const wallStartMs = Date.UTC(2030, 0, 1);

/**
 * Thousands of whole node cores over a simulated network and clock, driven as fast as they go. The same options and calls give the
 * same run.
 */
export class Fleet implements FleetClock {
  readonly nodes: FleetNode[] = [];
  /** What each node tells of itself at first, shared by all that know it. */
  readonly records: MemberRecord[] = [];
  readonly traffic: Traffic;
  readonly random: Random;
  readonly network: FleetNetwork;
  eventCount = 0;
  readonly #options: FleetOptions;
  readonly #queue = new EventQueue();
  readonly #byAddress = new Map<string, FleetNode>();
  readonly #membership: MembershipConfig;
  readonly #links: LinksConfig;
  readonly #seeds: readonly string[];
  readonly #numbers = new NodeNumbers();
  #now: Instant = { monotonicMs: 0, wallMs: wallStartMs };

  constructor(options: FleetOptions) {
    this.#options = options;
    this.random = createRandom(`${options.seed}/fleet`);
    this.traffic = new Traffic(options.nodesMax);
    this.#membership = { ...defaultMembershipConfig, ...options.membership };
    this.#links = { ...defaultLinksConfig, ...options.links };
    this.#seeds = Array.from({ length: options.seedNodes }, (_, index) => addressOf(index));
    this.network = new FleetNetwork({
      options: options.network,
      random: this.random.fork('network'),
      traffic: this.traffic,
      nowMs: () => this.nowMs,
      nodeAt: (address) => this.#byAddress.get(address),
      deliverAt: (atMs, end, event) => this.#queue.add(atMs, due.deliver, end, event),
      dialAt: (atMs, from, dial) => this.#queue.add(atMs, due.dial, from, dial),
      tellAt: (atMs, node, event) => this.#queue.add(atMs, due.tell, node, event),
    });
  }

  get nowMs(): number {
    return this.#now.monotonicMs;
  }

  instant(): Instant {
    return this.#now;
  }

  wake(node: FleetNode, atMs: number): void {
    this.#queue.add(atMs, due.tick, node, null);
  }

  /** Calls the action at that time, or at once where it is past. */
  at(atMs: number, action: () => void): void {
    this.#queue.add(Math.max(atMs, this.nowMs), due.call, action, null);
  }

  /** One more node, which has yet to be started. */
  add(): FleetNode {
    const index = this.nodes.length;
    const address = addressOf(index);
    const described = {
      id: idOf(index),
      name: `node-${index + 1}`,
      instance: idOf(index).slice(0, 5),
      cluster: 'sim',
      version: '0',
      address,
      client: address.replace(':7410', ':7411'),
      tags: [],
      tasks: sharedTasks,
      seeds: this.#seeds,
      membership: this.#membership,
      links: this.#links,
      jobs: defaultJobsConfig,
      drainTimeoutMs: 5_000,
      seed: `${this.#options.seed}/${index}`,
      incarnation: incarnationsPerStart,
      numbers: this.#numbers,
    };
    const watch = (member: MemberRecord, previous: MemberRecord | null): void =>
      this.#options.watch(node, member, previous);
    const node: FleetNode = new FleetNode(index, { ...described, watch }, this, this.network);
    this.nodes.push(node);
    this.records.push(recordOf(described));
    this.#byAddress.set(address, node);
    return node;
  }

  /** Runs all that is due until then. */
  runUntil(untilMs: number): void {
    const queue = this.#queue;
    while (queue.nextMs <= untilMs) {
      queue.take();
      this.eventCount++;
      if (queue.atMs > this.nowMs) this.#setNow(queue.atMs);
      this.#handle(queue.kind, queue.subject, queue.payload);
    }
    this.#setNow(untilMs);
  }

  #handle(kind: number, subject: unknown, payload: unknown): void {
    switch (kind) {
      case due.deliver:
        this.network.deliver(subject as LinkEnd, payload as NodeEvent);
        break;
      case due.tick:
        (subject as FleetNode).tick(this.nowMs);
        break;
      case due.dial:
        this.network.arriveDial(subject as FleetNode, payload as Dial);
        break;
      case due.tell:
        (subject as FleetNode).arrive(payload as NodeEvent);
        break;
      default:
        (subject as () => void)();
    }
  }

  #setNow(nowMs: number): void {
    this.#now = { monotonicMs: nowMs, wallMs: wallStartMs + nowMs };
  }
}

/** What a node without tasks of its own offers. */
const sharedTasks = [{ name: 'echo' }, { name: 'sleep' }, { name: 'fetch' }];

/** As long as an address in a private network is. */
function addressOf(index: number): string {
  return `10.20.${index >> 8}.${index & 255}:7410`;
}

/** Twelve letters and digits, and who comes first by them has nothing to do with who was started first. */
function idOf(index: number): string {
  return hashText(`node ${index}`).toString(36).padStart(7, '0') + index.toString(36).padStart(5, '0');
}
