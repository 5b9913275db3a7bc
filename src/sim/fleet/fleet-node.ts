import type { NodeEffect, NodeEvent } from '../../core/effects.js';
import { type Hello, peerProtocolVersionMax, peerProtocolVersionMin } from '../../core/hello.js';
import type { Instant } from '../../core/instant.js';
import type { MemberRecord } from '../../core/member.js';
import { incarnationsPerStart } from '../../core/member.js';
import { NodeCore, type NodeCoreOptions } from '../../core/node/node-core.js';
import type { FleetNetwork, LinkEnd } from './fleet-network.js';

/** running · stalled: its loop blocks, or it is stopped; what arrives waits · dead: killed, or gone by itself. */
export type FleetNodeStatus = 'waiting' | 'running' | 'stalled' | 'dead';

/** What a node needs around it. */
export interface FleetClock {
  instant(): Instant;
  /** Calls `tick` of the node at that time. */
  wake(node: FleetNode, atMs: number): void;
}

/** A timer is not set for sooner than this: what is due together is done together, as the daemon's driver has it. */
const tickGapMs = 5;

/** One node of a fleet: the real node core, without threads, and with as little around it as a thousand of them allow. */
export class FleetNode {
  status: FleetNodeStatus = 'waiting';
  /** The members on the other side of a partition have another one. */
  side = 0;
  /** It hears, but what it sends goes nowhere. */
  isMute = false;
  readonly core: NodeCore;
  readonly ends = new Map<number, LinkEnd>();
  #waiting: NodeEvent[] = [];
  #tickAtMs = Number.POSITIVE_INFINITY;

  constructor(
    readonly index: number,
    readonly options: NodeCoreOptions,
    private readonly clock: FleetClock,
    private readonly network: FleetNetwork,
  ) {
    this.core = new NodeCore(options);
  }

  get id(): string {
    return this.options.id;
  }

  get name(): string {
    return this.options.name;
  }

  /** Its process is there, whether it gets anything done or not. */
  get isUp(): boolean {
    return this.status === 'running' || this.status === 'stalled';
  }

  start(known: readonly MemberRecord[]): void {
    this.status = 'running';
    this.#perform(this.core.start(this.clock.instant(), known));
    this.#wakeSoon();
  }

  arrive(event: NodeEvent): void {
    if (this.status === 'running') this.#step(event);
    else if (this.status === 'stalled') this.#waiting.push(event);
  }

  /**
   * A timer has gone off. It was set without asking the core for its next deadline, which costs more than many a step does: what is
   * due by now is done, and otherwise a timer is set for what is due next.
   */
  tick(atMs: number): void {
    if (atMs !== this.#tickAtMs || this.status !== 'running') return;
    this.#tickAtMs = Number.POSITIVE_INFINITY;
    const dueMs = this.core.nextDeadlineMs();
    if (dueMs <= atMs) this.#step({ type: 'tick', lateMs: 0 });
    else if (dueMs !== Number.POSITIVE_INFINITY) this.#wakeAt(dueMs);
  }

  stall(): void {
    if (this.status === 'running') this.status = 'stalled';
  }

  /** The late tick comes first, then what waited in the sockets. */
  resume(): void {
    if (this.status !== 'stalled') return;
    this.status = 'running';
    const lateMs = this.clock.instant().monotonicMs - Math.max(this.#tickAtMs, this.core.nextDeadlineMs());
    this.#tickAtMs = Number.POSITIVE_INFINITY;
    if (lateMs >= 0) this.#step({ type: 'tick', lateMs });
    else this.#wakeSoon();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const event of waiting) this.arrive(event);
  }

  kill(): void {
    this.status = 'dead';
    this.#waiting = [];
    this.network.breakAll(this);
  }

  hello(): Hello {
    const { cluster, id, instance, name, address } = this.options;
    const { incarnation } = this.core.self();
    const [versionMin, versionMax] = [peerProtocolVersionMin, peerProtocolVersionMax];
    return { versionMin, versionMax, cluster, node: id, instance, incarnation, name, address };
  }

  #step(event: NodeEvent): void {
    this.#perform(this.core.step(event, this.clock.instant()));
    this.#wakeSoon();
  }

  #perform(effects: readonly NodeEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'send':
          this.network.send(this, effect.link, effect.message);
          break;
        case 'dial':
          this.network.dial(this, effect.address);
          break;
        case 'close_link':
          this.network.close(this, effect.link, effect.reason);
          break;
        case 'fatal':
        case 'gone':
          this.kill();
          break;
        default:
          // Nobody reads its log; it has no clients but the one that has it drain, and runs no jobs. No path fails between two nodes alone,
          // so no link has to be watched.
          break;
      }
    }
  }

  #wakeSoon(): void {
    if (this.status !== 'running') return;
    const soonMs = this.clock.instant().monotonicMs + tickGapMs;
    if (soonMs < this.#tickAtMs) this.#wakeAt(soonMs);
  }

  #wakeAt(atMs: number): void {
    this.#tickAtMs = atMs;
    this.clock.wake(this, atMs);
  }
}

/** The record that all others share of a node that has just started. */
export function recordOf(options: Omit<NodeCoreOptions, 'incarnation'>): MemberRecord {
  const { id, name, instance, address, client, tags, tasks } = options;
  const incarnation = incarnationsPerStart;
  return { id, name, instance, incarnation, state: 'alive', address, client, tags, tasks, draining: false };
}
