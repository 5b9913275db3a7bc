import { type ClientCommand, defaultSubmitOptions, type SubmitOptions } from '../../../src/core/commands.js';
import type { AttemptStart } from '../../../src/core/effects.js';
import type { JobId } from '../../../src/core/ids.js';
import { isFinished, type JobState } from '../../../src/core/jobs/record.js';
import { limits } from '../../../src/core/limits.js';
import type { Random } from '../../../src/core/random.js';
import type { SimRequest } from '../../../src/sim/sim-cluster.js';
import type { Fate } from '../../../src/sim/sim-threads.js';
import type { ChaosNodes } from './nodes.js';
import { type ChaosPlan, pick, pickSome } from './plan.js';

export interface ChaosClientsOptions {
  readonly plan: ChaosPlan;
  readonly nodes: ChaosNodes;
  readonly random: Random;
  readonly submit: (entry: string, options: SubmitOptions) => SimRequest;
}

const recentMax = 60;
const orderGapMs: readonly [min: number, max: number] = [250, 1_500];
/** A request that has no answer for so long is made again. */
const patienceMs = 5_000;
/** Seconds between the times of a schedule. */
const periods = [2, 3, 4, 5];

/** What clients ask for beside jobs: that some are cancelled, put back, start after others, or come again and again. */
export class ChaosClients {
  private readonly recent: SimRequest[] = [];
  /** Arguments of jobs whose attempts may fail. */
  private readonly unsound = new Set<string>();
  private readonly fates: Random;
  private readonly follows: Random;
  private readonly ending = new Map<JobId, SimRequest>();
  private readonly schedules: SimRequest[] = [];

  constructor(private readonly options: ChaosClientsOptions) {
    this.fates = options.random.fork('fates');
    this.follows = options.random.fork('follows');
  }

  /** Until the time for faults is over. */
  schedule(): void {
    const { plan, random, nodes } = this.options;
    const { cancels, retries, scheduleCount } = plan.clients;
    const { time } = nodes.cluster;
    for (let count = 0; count < scheduleCount; count++)
      time.after((plan.faultsMs / 2) * random.next(), () => this.submitSchedule());
    if (!cancels && !retries) return;
    const gapMs = Math.min(orderGapMs[1], Math.max(orderGapMs[0], 2 * plan.jobGapMs));
    const next = (): void => {
      if (time.nowMs >= plan.faultsMs) return;
      this.order();
      time.after(2 * gapMs * random.next(), next);
    };
    time.after(gapMs, next);
  }

  /** Some jobs come after others. */
  alter(options: SubmitOptions): SubmitOptions {
    const { plan, random } = this.options;
    if (!plan.clients.after || random.below(5) > 0) return options;
    const after = pickSome(random, this.acknowledged(), 1 + random.below(2));
    return { ...options, after };
  }

  noteSubmitted(request: SimRequest): void {
    const { plan, random } = this.options;
    if (request.command.type !== 'submit') return;
    this.recent.push(request);
    if (this.recent.length > recentMax) this.recent.shift();
    if (plan.clients.retries && random.below(6) === 0) this.unsound.add(String(request.command.args));
    if (plan.clients.follows && this.follows.below(2) === 0) this.follow(request);
  }

  /** Null: it ends well. */
  fateOf({ args }: AttemptStart): Fate | null {
    if (!this.unsound.has(String(args))) return null;
    // The pause before a retry ends by the wall clock: one that has jumped an hour back makes an hour of it.
    const hasPause = this.options.plan.weights.wallJump === 0;
    return pick(this.fates, hasPause ? ['done', 'fails', 'failsForGood'] : ['done', 'failsForGood']);
  }

  /** Has all schedules that are left cancelled; returns them. */
  endSchedules(): string[] {
    const { nodes } = this.options;
    const left = new Set(
      nodes
        .live()
        .flatMap(({ core: { jobs } }) => [
          ...[...jobs.ledger.values()].flatMap(({ spec: { id, cron }, state }) =>
            cron !== null && !isFinished(state) ? [id] : [],
          ),
          ...[...jobs.keeping.copies.values()].flatMap(({ copy: { spec, state } }) =>
            spec.cron !== null && state === 'waiting' ? [spec.id] : [],
          ),
        ]),
    );
    for (const job of left) {
      const last = this.ending.get(job);
      const isUnderWay =
        last !== undefined && last.reply === null && nodes.cluster.time.nowMs < last.askedAtMs + patienceMs;
      if (isUnderWay) continue;
      const request = this.ask({ type: 'cancel', job });
      if (request !== null) this.ending.set(job, request);
    }
    // A node that stood still may take it only now.
    const open = this.schedules.filter(({ reply, askedOf }) => reply === null && askedOf.status !== 'dead');
    return [
      ...[...left].map((job) => `schedule ${job} goes on`),
      ...open.map(({ node }) => `a schedule that ${node} was asked for is neither taken nor refused`),
    ];
  }

  /** From its start, or a while after; by another node, mostly. */
  private follow(request: SimRequest): void {
    const { nodes } = this.options;
    nodes.cluster.time.after(this.follows.below(300), () => {
      const job = acceptedBy(request);
      const running = nodes.live().filter(({ status }) => status === 'running');
      if (job === null || running.length === 0) return;
      const { name } = pick(this.follows, running);
      nodes.cluster.request(name, {
        type: 'watch',
        job,
        stream: { room: limits.itemWindowBytes, after: null },
      });
    });
  }

  private submitSchedule(): void {
    const { plan, random, submit } = this.options;
    const entry = this.pickEntry();
    if (entry === null) return;
    const options: SubmitOptions = {
      ...defaultSubmitOptions,
      cron: `*/${pick(random, periods)} * * * * *`,
      copies: random.below(2) === 0 ? null : 1 + random.below(3),
      durable: random.below(3) === 0 ? false : null,
      key: random.below(2) === 0 ? `schedule-${random.below(1e9)}` : null,
    };
    const request = submit(entry, options);
    this.schedules.push(request);
    if (random.below(2) === 0) return;
    const { time } = this.options.nodes.cluster;
    time.after((plan.faultsMs / 2) * random.next(), () => {
      const job = acceptedBy(request);
      if (job !== null) this.ask({ type: 'cancel', job });
    });
  }

  private order(): void {
    const { plan, random, nodes } = this.options;
    const { cancels, retries } = plan.clients;
    const kind = pick(random, [
      ...(cancels ? ['cancel' as const] : []),
      ...(retries ? ['retry' as const] : []),
    ]);
    const jobs = this.acknowledged();
    const fitting = jobs.filter((job) => isFor(kind, this.stateOf(job)));
    // Now and then one that it doesn't fit, or that nobody knows any more.
    const among = fitting.length > 0 && random.below(4) > 0 ? fitting : kind === 'retry' ? fitting : jobs;
    if (among.length === 0) return;
    const job = pick(random, among);
    this.ask({ type: kind, job });
    const wait = (): void => void this.ask({ type: 'wait', job, timeoutMs: null });
    nodes.cluster.time.after(3_000 * random.next(), wait);
    nodes.cluster.time.after(10_000 * random.next(), wait);
  }

  /** As one who sees all nodes knows it. */
  private stateOf(job: JobId): JobState | null {
    for (const { core } of this.options.nodes.live()) {
      const record = core.jobs.ledger.get(job);
      if (record !== undefined) return record.state;
    }
    return null;
  }

  private acknowledged(): JobId[] {
    return this.recent.map(acceptedBy).filter((job) => job !== null);
  }

  private ask(command: ClientCommand): SimRequest | null {
    const entry = this.pickEntry();
    return entry === null ? null : this.options.nodes.cluster.request(entry, command);
  }

  private pickEntry(): string | null {
    const { nodes, random } = this.options;
    const running = nodes.live().filter(({ status }) => status === 'running');
    return running.length === 0 ? null : pick(random, running).name;
  }
}

function acceptedBy({ reply }: SimRequest): JobId | null {
  return reply?.ok === true ? (reply.text.split(' ')[0] as JobId) : null;
}

function isFor(kind: 'cancel' | 'retry', state: JobState | null): boolean {
  if (kind === 'retry') return state === 'failed' || state === 'cancelled';
  return state !== null && !isFinished(state);
}
