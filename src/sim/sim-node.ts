import { assertNever } from '../core/assert.js';
import type { AttemptStart, NodeEffect, NodeEvent } from '../core/effects.js';
import { type Hello, peerProtocolVersionMax, peerProtocolVersionMin } from '../core/hello.js';
import type { RunId } from '../core/ids.js';
import type { AttemptOutcome } from '../core/jobs/record.js';
import { incarnationsPerStart } from '../core/member.js';
import type { StopReason } from '../core/messages.js';
import { NodeCore, type NodeCoreOptions } from '../core/node/node-core.js';
import type { Random } from '../core/random.js';
import type { Reply } from '../core/reply.js';
import type { SimNetwork } from './sim-network.js';
import type { SimTime } from './sim-time.js';

/** What a node tells those who watch it. */
export interface SimObserver {
  attemptStarted(node: string, start: AttemptStart): void;
  replied(node: string, request: number, reply: Reply): void;
  performed(node: string, effect: NodeEffect): void;
}

export interface SimNodeParts {
  readonly time: SimTime;
  readonly network: SimNetwork;
  readonly random: Random;
  readonly observer: SimObserver;
  /** How long an attempt runs, drawn evenly. */
  readonly runMs: readonly [min: number, max: number];
}

/** How long a handler takes to obey its signal. */
const obeyMs = 20;

/** One start of a node: the real node core, with simulated sockets, threads and clock. */
export class SimNode {
  readonly core: NodeCore;
  /** paused: SIGSTOP; what arrives waits. */
  status: 'running' | 'paused' | 'dead' = 'running';
  fatal: string | null = null;
  private readonly waiting: NodeEvent[] = [];
  private readonly running = new Map<RunId, StopReason | null>();
  private tickAtMs = Number.POSITIVE_INFINITY;

  constructor(
    readonly name: string,
    readonly starts: number,
    private readonly options: Omit<NodeCoreOptions, 'incarnation'>,
    private readonly parts: SimNodeParts,
  ) {
    this.core = new NodeCore({ ...options, incarnation: starts * incarnationsPerStart });
  }

  start(): void {
    this.perform(this.core.start(this.parts.time.instant()));
    this.scheduleTick();
  }

  /** Something from outside: handled now, when the process goes on, or never. */
  arrive(event: NodeEvent): void {
    if (this.status === 'dead') return;
    if (this.status === 'paused') {
      this.waiting.push(event);
      return;
    }
    this.perform(this.core.step(event, this.parts.time.instant()));
    this.scheduleTick();
  }

  pause(): void {
    if (this.status === 'running') this.status = 'paused';
  }

  /** SIGCONT: the late tick comes first, then what waited in the sockets. */
  resume(): void {
    if (this.status !== 'paused') return;
    this.status = 'running';
    this.arrive({ type: 'tick', lateMs: Math.max(0, this.parts.time.nowMs - this.tickAtMs) });
    for (const event of this.waiting.splice(0)) this.arrive(event);
  }

  kill(): void {
    this.status = 'dead';
    this.parts.network.resetAll(this);
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
        case 'reply':
          observer.replied(this.name, effect.request, effect.reply);
          break;
        case 'start_attempt':
          this.startAttempt(effect);
          break;
        case 'stop_attempt':
          this.stopAttempt(effect.run, effect.reason);
          break;
        case 'fatal':
          this.fatal = effect.code;
          this.kill();
          break;
        case 'gone':
          this.kill();
          break;
        case 'log':
          break;
        default:
          assertNever(effect);
      }
    }
  }

  private startAttempt(start: AttemptStart): void {
    const { random, time, observer } = this.parts;
    const [minMs, maxMs] = this.parts.runMs;
    observer.attemptStarted(this.name, start);
    this.running.set(start.run, null);
    time.after(0, () => this.arrive({ type: 'attempt_started', run: start.run }));
    time.after(minMs + random.next() * (maxMs - minMs), () =>
      this.endAttempt(start.run, {
        type: 'done',
        result: typeof start.args === 'string' ? start.args : 'null',
      }),
    );
  }

  private stopAttempt(run: RunId, reason: StopReason): void {
    if (this.running.get(run) !== null) return;
    this.running.set(run, reason);
    const { random, time } = this.parts;
    const outcome: AttemptOutcome = { type: reason === 'timed_out' ? 'timed_out' : 'stopped' };
    time.after(random.next() * obeyMs, () => this.endAttempt(run, outcome));
  }

  private endAttempt(run: RunId, outcome: AttemptOutcome): void {
    if (!this.running.delete(run)) return;
    this.arrive({ type: 'attempt_ended', run, outcome });
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
      this.arrive({ type: 'tick', lateMs: 0 });
    });
  }
}
