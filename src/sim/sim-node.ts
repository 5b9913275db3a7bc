import { assertNever } from '../core/assert.js';
import type { AttemptStart, NodeEffect, NodeEvent } from '../core/effects.js';
import { type Hello, peerProtocolVersionMax, peerProtocolVersionMin } from '../core/hello.js';
import type { Instant } from '../core/instant.js';
import type { Item } from '../core/item.js';
import { incarnationsPerStart } from '../core/member.js';
import { createMembership } from '../core/membership/membership.js';
import { NodeCore, type NodeCoreOptions } from '../core/node/node-core.js';
import type { Random } from '../core/random.js';
import type { Reply } from '../core/reply.js';
import { nextTimeMs } from '../protocol/cron.js';
import type { SimHooks } from './sim-hooks.js';
import { SimJournal, type SimJournalDisk } from './sim-journal.js';
import type { SimNetwork } from './sim-network.js';
import { type Fate, type HandlerWeights, SimThreads } from './sim-threads.js';
import type { SimTime } from './sim-time.js';

/** What a node tells those who watch it. */
export interface SimObserver {
  attemptStarted(node: string, start: AttemptStart): void;
  /** Something happens to it, or to its sockets while it stands still. */
  arrived(node: string, event: NodeEvent): void;
  replied(node: string, request: number, reply: Reply): void;
  told(node: string, request: number, item: Item): void;
  performed(node: string, effect: NodeEffect): void;
}

export interface SimNodeParts {
  readonly time: SimTime;
  readonly network: SimNetwork;
  readonly random: Random;
  readonly observer: SimObserver;
  /** The first is the innermost. */
  readonly hooks: readonly SimHooks[];
  /** How long an attempt runs that ends by itself, drawn evenly. */
  readonly runMs: readonly [min: number, max: number];
  readonly handlers: HandlerWeights;
  /** The part of attempts that report progress. */
  readonly progress: number;
  /** The part of attempts that yield chunks. */
  readonly streams: number;
  readonly chunkLengthMax?: number | undefined;
  /** Its journal's disk; null: it keeps nothing. */
  readonly disk: SimJournalDisk | null;
  readonly skipsSync: boolean;
  /** Its process before was killed, or its machine lost its power. */
  readonly isAfterCrash: boolean;
  /** How this attempt goes; null: as is drawn. */
  readonly fateOf?: ((start: AttemptStart) => Fate | null) | undefined;
}

/** One start of a node: the real node core, with simulated sockets, threads and clock. */
export class SimNode {
  readonly core: NodeCore;
  /** paused: SIGSTOP; what arrives waits. */
  status: 'running' | 'paused' | 'dead' = 'running';
  fatal: string | null = null;
  /** When it had left and ended by itself. */
  goneAtMs: number | null = null;
  /** When it last went on after it had stood still. */
  resumedAtMs = Number.NEGATIVE_INFINITY;
  /** How long it stood still in all. */
  asleepMs = 0;
  /** How much its wall clock is ahead of the true time; may be negative. */
  wallOffsetMs = 0;
  private pausedAtMs = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly threads: SimThreads;
  private readonly journal: SimJournal | null;
  private tickAtMs = Number.POSITIVE_INFINITY;

  constructor(
    readonly name: string,
    readonly starts: number,
    private readonly options: Omit<NodeCoreOptions, 'incarnation'>,
    private readonly parts: SimNodeParts,
  ) {
    const { disk, isAfterCrash } = parts;
    const found = disk?.open(options.instance) ?? null;
    this.core = new NodeCore({
      ...options,
      journal: found === null ? null : { isAfterCrash, ...found },
      watchOutcome: (record, isAdopted) => {
        for (const hooks of parts.hooks) hooks.outcome?.(this, record, isAdopted);
      },
      incarnation: starts * incarnationsPerStart,
      nextTimeMs,
      createMembership: (own) =>
        parts.hooks.reduce(
          (membership, hooks) => hooks.wrapMembership?.(this, membership) ?? membership,
          createMembership(own),
        ),
    });
    const report = (event: NodeEvent): void => this.arrive(event);
    this.threads = new SimThreads({ ...parts, report });
    const isDead = (): boolean => this.isDead();
    this.journal = disk === null ? null : new SimJournal({ ...parts, disk, report, isDead });
    for (const hooks of parts.hooks) hooks.created?.(this);
  }

  start(): void {
    this.parts.network.powerOn(this.name);
    const effects = this.core.start(this.instant());
    for (const hooks of this.parts.hooks) hooks.stepped?.(this, { type: 'tick', lateMs: 0 }, effects);
    this.perform(effects);
    this.scheduleTick();
  }

  /** Its journal's; null: it has none. */
  get disk(): SimJournalDisk | null {
    return this.parts.disk;
  }

  get cluster(): string {
    return this.options.cluster;
  }

  /** Something from outside: handled now, when the process goes on, or never. */
  arrive(event: NodeEvent): void {
    if (this.status === 'dead') return;
    this.parts.observer.arrived(this.name, event);
    this.enter(() => this.handle(event));
  }

  /** What its process does: now, when it goes on, or never. */
  enter(action: () => void): void {
    if (this.status === 'running') action();
    else if (this.status === 'paused') this.waiting.push(action);
  }

  pause(): void {
    if (this.status !== 'running') return;
    this.status = 'paused';
    this.pausedAtMs = this.parts.time.nowMs;
  }

  /** SIGCONT: the late tick comes first, then what waited in the sockets. */
  resume(): void {
    if (this.status !== 'paused') return;
    this.status = 'running';
    this.resumedAtMs = this.parts.time.nowMs;
    this.asleepMs += this.resumedAtMs - this.pausedAtMs;
    this.handle({ type: 'tick', lateMs: Math.max(0, this.parts.time.nowMs - this.tickAtMs) });
    for (const action of this.waiting.splice(0)) this.enter(action);
    this.parts.network.resumed(this);
  }

  kill(): void {
    if (this.status === 'dead') return;
    this.status = 'dead';
    this.parts.network.resetAll(this);
  }

  /** The machine loses its power. */
  powerOff(): void {
    this.status = 'dead';
    this.parts.network.powerOff(this);
  }

  hello(): Hello {
    const { cluster, id, instance, name, address } = this.options;
    const { incarnation } = this.core.self();
    return {
      versionMin: peerProtocolVersionMin,
      versionMax: peerProtocolVersionMax,
      cluster,
      node: id,
      instance,
      incarnation,
      name,
      address,
    };
  }

  private handle(event: NodeEvent): void {
    if (this.status === 'dead') return;
    this.step(event);
    // A turn of a simulated node is one event long.
    if (!this.isDead() && this.core.wantsFlush) this.step({ type: 'flush' });
    this.scheduleTick();
  }

  private isDead(): boolean {
    return this.status === 'dead';
  }

  private step(event: NodeEvent): void {
    const effects = this.core.step(event, this.instant());
    for (const hooks of this.parts.hooks) hooks.stepped?.(this, event, effects);
    this.perform(effects);
  }

  private instant(): Instant {
    const { monotonicMs, wallMs } = this.parts.time.instant();
    return { monotonicMs, wallMs: wallMs + this.wallOffsetMs };
  }

  private perform(effects: readonly NodeEffect[]): void {
    const { network, observer } = this.parts;
    for (const effect of effects) {
      observer.performed(this.name, effect);
      switch (effect.type) {
        case 'send':
          network.send(this, effect.link, effect.message);
          break;
        case 'dial':
          network.dial(this, effect.address);
          break;
        case 'close_link':
          network.close(this, effect.link, effect.reason);
          break;
        case 'watch_link':
          network.watch(this, effect.link);
          break;
        case 'reply':
          observer.replied(this.name, effect.request, effect.reply);
          break;
        case 'item':
          observer.told(this.name, effect.request, effect.item);
          break;
        case 'deliver':
          for (const request of effect.requests)
            observer.told(this.name, request, { type: 'message', message: effect.message });
          break;
        case 'chunk_room':
          this.threads.giveRoom(effect.run, effect.upTo);
          break;
        case 'start_attempt':
          observer.attemptStarted(this.name, effect);
          this.threads.start(effect);
          break;
        case 'stop_attempt':
          this.threads.stop(effect.run, effect.reason);
          break;
        case 'fatal':
          this.fatal = effect.code;
          this.kill();
          break;
        case 'gone':
          this.goneAtMs = this.parts.time.nowMs;
          this.kill();
          break;
        case 'journal':
          this.journal?.write(effect.seq, effect.writes);
          break;
        case 'keep_peers':
        case 'log':
          break;
        default:
          assertNever(effect);
      }
    }
    network.flush();
  }

  private scheduleTick(): void {
    const { time } = this.parts;
    if (this.status !== 'running') return;
    const dueMs = Math.max(time.nowMs, this.core.nextDeadlineMs());
    if (dueMs >= this.tickAtMs && this.tickAtMs > time.nowMs) return;
    this.tickAtMs = dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    time.after(dueMs - time.nowMs, () => {
      if (this.tickAtMs !== dueMs || this.status !== 'running') return;
      this.tickAtMs = Number.POSITIVE_INFINITY;
      this.handle({ type: 'tick', lateMs: 0 });
    });
  }
}
