import type { Instant } from '../instant.js';
import { atStakeText, countAtStake, isOpen } from '../jobs/at-stake.js';
import type { Jobs } from '../jobs/jobs.js';
import type { Outbox } from '../outbox.js';

/** What leaving means for the jobs of this node, as far as it can be told beforehand. */
export interface DeparturePlan {
  /** Unfinished jobs that it owns. */
  readonly unfinished: number;
  /** Those of them that will not be run before it ends, and that no other node holds. Some are in its journal, and go on when it starts again. */
  readonly dropped: number;
  /** Those of these that are in no journal. */
  readonly lost: number;
  readonly drainTimeoutMs: number;
}

export interface DepartureOptions {
  readonly drainTimeoutMs: number;
  readonly jobs: Jobs;
  readonly outbox: Outbox;
  readonly drain: (now: Instant) => void;
  /** Tells the members that this node has left, and closes its links. */
  readonly sayGoodbye: (now: Instant) => void;
}

/**
 * Leaving on purpose, one stage after the other:
 *
 *     staying ─► draining ─► stopping ─► handing ─► telling ─► parting ─► gone
 *
 * draining: no new jobs, what can still finish does · stopping: the time is over, attempts are stopped and given back to
 * their owners · handing: what this node still owns goes to others, and what it holds to other holders · telling: answers for other nodes are on their way there · parting: the last messages are on their way out.
 */
type Stage = 'staying' | 'draining' | 'stopping' | 'handing' | 'telling' | 'parting' | 'gone';

const checkIntervalMs = 50;
/** For stopped attempts to end, by themselves or with their thread, and their owners to hear of it. */
const stopGraceMs = 5_000;
/** For other nodes to take over what this one owns: a million jobs of 200 bytes at some 40,000 a second. */
const handingMs = 30_000;
/** For jobs of other nodes to be held elsewhere, where the time to drain is over; twice as long as a holder that answers nothing is waited for. */
const holdingMs = 6_000;
/** For the sockets to take what was sent last. */
const partingMs = 150;
/** Where the time to drain is over, answers that a link of 100 Mbit/s can't carry in this time are lost, and their nodes say so. */
const tellingMs = 2_000;

export class Departure {
  private stage: Stage = 'staying';
  private stageEndsMs = Number.POSITIVE_INFINITY;
  private nextCheckMs = Number.POSITIVE_INFINITY;
  private drainEndsMs = Number.POSITIVE_INFINITY;
  private holdingEndsMs = Number.POSITIVE_INFINITY;
  /** Answers to other nodes that have to arrive; questions go on coming, and what is answered later is waited for no longer. */
  private answersOwed = 0;

  constructor(private readonly options: DepartureOptions) {}

  get isUnderWay(): boolean {
    return this.stage !== 'staying';
  }

  /** `planned` is told what this means before anything of it happens; also when the node is leaving already. */
  start(now: Instant, planned: (plan: DeparturePlan) => void = () => {}): void {
    if (this.stage !== 'staying') {
      planned(this.plan(this.stage === 'draining' ? this.stageEndsMs : now.monotonicMs));
      return;
    }
    this.options.outbox.log('info', 'leaving: takes no new jobs and finishes what it has', this.remaining());
    this.options.drain(now);
    planned(this.plan(now.monotonicMs + this.options.drainTimeoutMs));
    this.drainEndsMs = now.monotonicMs + this.options.drainTimeoutMs;
    this.enter('draining', this.options.drainTimeoutMs, now);
    this.tick(now);
  }

  tick(now: Instant): void {
    if (this.stage === 'staying' || this.stage === 'gone') return;
    this.nextCheckMs = now.monotonicMs + checkIntervalMs;
    const isOver = now.monotonicMs >= this.stageEndsMs;
    switch (this.stage) {
      case 'draining':
        if (!this.options.jobs.hasWorkUntil(this.stageEndsMs)) this.enterHanding(now);
        else if (isOver) this.stop(now);
        return;
      case 'stopping':
        if (isOver || this.options.jobs.executor.isEmpty()) this.enterHanding(now);
        return;
      case 'handing':
        if (isOver || !(this.options.jobs.handOverAll(now) || this.isHolding(now))) this.part(now);
        return;
      case 'telling':
        // The goodbye goes ahead of everything else on a link, and ends what was asked of this node.
        if (!isOver && this.options.jobs.hasAnswersOnTheWay(this.answersOwed)) return;
        // Who has asked in the meantime is told, too.
        this.options.jobs.tellWaiting(now);
        this.options.sayGoodbye(now);
        this.enter('parting', partingMs, now);
        return;
      case 'parting':
        if (!isOver) return;
        this.options.jobs.tellWaiting(now);
        this.stage = 'gone';
        this.nextCheckMs = Number.POSITIVE_INFINITY;
        this.options.outbox.push({ type: 'gone' });
        return;
    }
  }

  nextDeadlineMs(): number {
    return this.nextCheckMs;
  }

  private stop(now: Instant): void {
    this.options.outbox.log(
      'warn',
      'the time to drain is over: attempts still running here are given back',
      this.remaining(),
    );
    this.options.jobs.executor.stopAll();
    this.enter('stopping', stopGraceMs, now);
  }

  /** Some jobs would be held by too few, without this node. */
  private isHolding(now: Instant): boolean {
    return now.monotonicMs < this.holdingEndsMs && this.options.jobs.keeping.handOver.isHolding;
  }

  private enterHanding(now: Instant): void {
    this.holdingEndsMs = Math.max(this.drainEndsMs, now.monotonicMs + holdingMs);
    this.enter('handing', handingMs, now);
    this.tick(now);
  }

  private part(now: Instant): void {
    let unfinished = 0;
    for (const record of this.options.jobs.ledger.values()) if (isOpen(record)) unfinished++;
    if (unfinished > 0) {
      const stake = countAtStake(this.options.jobs.ledger.values());
      this.options.outbox.log(
        stake.lost > 0 ? 'error' : 'warn',
        `${unfinished} unfinished jobs are still this node's as it goes: ${atStakeText(stake)}`,
        { ...this.remaining(), ...stake },
      );
    }
    this.options.jobs.tellWaiting(now);
    this.answersOwed = this.options.jobs.answerCount;
    this.enter('telling', Math.max(tellingMs, this.drainEndsMs - now.monotonicMs), now);
    this.tick(now);
  }

  private enter(stage: Stage, lengthMs: number, now: Instant): void {
    this.stage = stage;
    this.stageEndsMs = now.monotonicMs + lengthMs;
    this.nextCheckMs = now.monotonicMs + checkIntervalMs;
  }

  private plan(endsMs: number): DeparturePlan {
    const { jobs, drainTimeoutMs } = this.options;
    const { journaled, lost } = jobs.leftBehind(endsMs);
    return { unfinished: jobs.ledger.unfinished, dropped: journaled + lost, lost, drainTimeoutMs };
  }

  private remaining(): Record<string, number> {
    const { ledger, executor } = this.options.jobs;
    return { owned: ledger.unfinished, running: executor.heldCount };
  }
}
