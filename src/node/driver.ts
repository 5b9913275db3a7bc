import { assertNever } from '../core/assert.js';
import type { LogEffect, NodeEffect, NodeEvent } from '../core/effects.js';
import type { Instant } from '../core/instant.js';
import type { NodeCore } from '../core/node/node-core.js';
import type { Together } from '../core/together.js';
import type { ClientServer } from '../net/client-server.js';
import type { PeerNetwork } from '../net/peer-network.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { Journal } from '../store/journal.js';
import { RecentMax } from './recent-max.js';

/** What performs the effects of a core, and how its end is told. */
export interface DriverParts {
  readonly network: PeerNetwork;
  readonly clients: ClientServer;
  readonly scheduler: Scheduler;
  /** Null: what the node holds is in memory only. */
  readonly journal: Pick<Journal, 'write'> | null;
  /** Where the other nodes are, for the next start of this one. */
  readonly keepPeers: (addresses: readonly string[]) => void;
  readonly log: (level: LogEffect['level'], text: string, fields: LogEffect['fields']) => void;
  /** The node has left the cluster in good order. */
  readonly gone: () => void;
  /** The node can't go on. */
  readonly fatal: (code: string, message: string) => void;
}

/** The shortest pause between two ticks: deadlines that are closer together than this are handled by one. */
const tickIntervalMsMin = 5;
/** The longest: a core without deadlines is looked at this often all the same. */
const tickIntervalMsMax = 1_000;
/**
 * A tick that is set earlier than needed by no more than this stays as it is: moving a timer at every turn costs more than
 * one tick for nothing. Earlier than that it is moved: most probes are answered at once, and an idle node sleeps through.
 */
const tickEarlyMsMax = 50;
/** A tick that is so late comes before everything else. */
const staleMs = 1_000;
/** Longer than the pause between two scrapes of most, so that none misses a late tick. */
const tickLatenessWindowMs = 60_000;

/**
 * Drives a node core: every event of a socket, a thread or the clock becomes a step, and the effects of the step are
 * performed in order. It makes no decision of its own.
 */
export class Driver {
  private core: NodeCore | null = null;
  private parts: DriverParts | null = null;
  /** Events that came before the core was there: its ports open first, since it must know their numbers. */
  private readonly early: NodeEvent[] = [];
  private timer: NodeJS.Timeout | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;
  private isArming = false;
  private isStopped = false;
  /** When what is handed over together has come. */
  private together: Instant | null = null;
  private readonly tickLateMs = new RecentMax(tickLatenessWindowMs);

  /** Begins: performs the core's first effects and the events that came early. */
  start(core: NodeCore, parts: DriverParts): void {
    this.core = core;
    this.parts = parts;
    this.perform(core.start(instant()));
    for (const event of this.early.splice(0)) this.handle(event);
    this.arm();
  }

  handle(event: NodeEvent): void {
    if (this.isStopped) return;
    if (this.core === null) {
      this.early.push(event);
      return;
    }
    this.perform(this.core.step(event, this.together ?? this.freshInstant(this.core)));
    if (!this.isArming) {
      // Once a turn, not once an event: asking the core for its next deadline costs more than a cheap step.
      this.isArming = true;
      setImmediate(this.arm);
    }
  }

  /** Events that have come at one time: the clock is asked once, and whether this process stood still. */
  readonly atOneTime: Together = (run) => {
    if (this.together !== null || this.core === null || this.isStopped) {
      run();
      return;
    }
    this.together = this.freshInstant(this.core);
    try {
      run();
    } finally {
      this.together = null;
    }
  };

  /** No step is taken any more. */
  stop(): void {
    this.isStopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** How much later than asked the ticks of the last one to two minutes came, at most. */
  tickLateMsMax(): number {
    return this.tickLateMs.read(performance.now());
  }

  /**
   * Now. Ticks come after what sockets have brought; but a process that stood still has to learn of that first: others may have given its
   * work away meanwhile.
   */
  private freshInstant(core: NodeCore): Instant {
    const now = instant();
    const lateMs = now.monotonicMs - this.timerAtMs;
    // False while no tick is set.
    if (lateMs >= staleMs) {
      if (this.timer !== null) clearTimeout(this.timer);
      this.timer = null;
      this.timerAtMs = Number.POSITIVE_INFINITY;
      this.perform(core.step({ type: 'tick', lateMs }, now));
    }
    return now;
  }

  private readonly arm = (): void => {
    this.isArming = false;
    if (this.core === null || this.isStopped) return;
    // What this turn has changed goes out together: one message a peer, and one write to the disk.
    if (this.core.wantsFlush) this.perform(this.core.step({ type: 'flush' }, instant()));
    const nowMs = performance.now();
    const wantedAtMs = Math.min(
      nowMs + tickIntervalMsMax,
      Math.max(nowMs + tickIntervalMsMin, this.core.nextDeadlineMs()),
    );
    const isSetRight = this.timerAtMs <= wantedAtMs && wantedAtMs <= this.timerAtMs + tickEarlyMsMax;
    if (this.timer !== null && isSetRight) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timerAtMs = wantedAtMs;
    this.timer = setTimeout(this.tickDue, Math.ceil(wantedAtMs - nowMs));
  };

  /** The tick comes once sockets have been read: an answer that has arrived must not count as missing. */
  private readonly tickDue = (): void => {
    const dueAtMs = this.timerAtMs;
    this.timer = null;
    this.timerAtMs = Number.POSITIVE_INFINITY;
    setImmediate(() => {
      const nowMs = performance.now();
      const lateMs = Math.max(0, nowMs - dueAtMs);
      this.tickLateMs.add(lateMs, nowMs);
      this.handle({ type: 'tick', lateMs });
    });
  };

  private perform(effects: readonly NodeEffect[]): void {
    const parts = this.parts as DriverParts;
    for (const effect of effects) {
      switch (effect.type) {
        case 'send':
          parts.network.send(effect.link, effect.message);
          break;
        case 'start_attempt':
          parts.scheduler.start(effect);
          break;
        case 'reply':
          // Handlers are clients with numbers below 0.
          if (effect.request < 0) parts.scheduler.answer(-effect.request, effect.reply);
          else parts.clients.reply(effect.request, effect.reply);
          break;
        case 'item':
          parts.clients.item(effect.request, effect.item);
          break;
        case 'deliver':
          parts.clients.deliver(effect.requests, effect.message);
          break;
        case 'chunk_room':
          parts.scheduler.giveRoom(effect.run, effect.upTo);
          break;
        case 'stop_attempt':
          parts.scheduler.stop(effect.run, effect.reason);
          break;
        case 'dial':
          parts.network.dial(effect.address);
          break;
        case 'close_link':
          parts.network.close(effect.link, effect.reason);
          break;
        case 'watch_link':
          parts.network.watch(effect.link);
          break;
        case 'journal':
          parts.journal?.write(effect.seq, effect.writes);
          break;
        case 'keep_peers':
          parts.keepPeers(effect.addresses);
          break;
        case 'log':
          parts.log(effect.level, effect.text, effect.fields);
          break;
        case 'gone':
          parts.gone();
          break;
        case 'fatal':
          parts.fatal(effect.code, effect.message);
          break;
        default:
          assertNever(effect);
      }
    }
  }
}

function instant(): Instant {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}
