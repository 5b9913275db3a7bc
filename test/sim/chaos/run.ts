import { defaultSubmitOptions, type SubmitCommand, type SubmitOptions } from '../../../src/core/commands.js';
import type { NodeEvent } from '../../../src/core/effects.js';
import type { Random } from '../../../src/core/random.js';
import { disagreements, Invariants, unsettledPairs } from '../../../src/sim/invariants.js';
import { type Sabotage, type SabotageName, sabotages } from '../../../src/sim/sabotage.js';
import { SimCluster, type SimRequest } from '../../../src/sim/sim-cluster.js';
import { defaultQueueLimits } from '../../../src/sim/sim-link.js';
import { type Invariant, InvariantViolation } from '../../../src/sim/violation.js';
import { ChaosClients } from './clients.js';
import { ChaosFaults } from './faults.js';
import { ChaosNodes } from './nodes.js';
import { type ChaosPlan, drawPlan, type FaultClass, type FaultKind, pick } from './plan.js';

export interface ChaosReport {
  readonly seed: string;
  /** What did not hold; null when all did. */
  readonly violation: InvariantViolation | Error | null;
  readonly fired: ReadonlyMap<FaultKind, number>;
  /** How often what only short queues and slow readers bring about has happened. */
  readonly met: ReadonlyMap<MetKind, number>;
  readonly story: readonly string[];
  /** From the end of all faults until all views were equal and right. */
  readonly agreedAfterMs: number;
  readonly simulatedMs: number;
  /** The same for the same seed, on every machine; 0 where one kind of fault was asked for. */
  readonly traceHash: number;
  readonly jobs: ChaosJobs;
  /** How often clients have had something done beside jobs. */
  readonly clients: ReadonlyMap<ClientFact, number>;
}

export const clientFacts = [
  'cancelled',
  'retried',
  'told',
  'after others',
  'fired',
  'followed',
  'after a crash',
] as const;
export type ClientFact = (typeof clientFacts)[number];

/** What became of the jobs of a run. */
export interface ChaosJobs {
  /** Acknowledged, and looked at in the end; none where a run ended before. */
  readonly checked: number;
  /** Acknowledged, and held by nodes that were all lost at once: nothing is promised of them. */
  readonly excused: number;
  /** Acknowledged, and not run or without an outcome; a run ends at the first that nobody holds any more. */
  readonly lost: number;
  /** Starts beyond the first of a job. */
  readonly repeated: number;
}

/** How a run differs from the usual one of its seed. */
export interface ChaosOptions {
  /** Nodes are spoilt. */
  readonly sabotage?: SabotageName | null;
  /** This fault alone, with many jobs. */
  readonly fault?: FaultClass | null;
  /** Clients do nothing but submit, and no node knows that it was killed: so runs were when some seeds were found. */
  readonly submitsOnly?: boolean;
}

export const metKinds = [
  'congested',
  'relieved',
  'stalled',
  'reset',
  'goodbye',
  'dial timeout',
  'dial refused',
] as const;
export type MetKind = (typeof metKinds)[number];

/** How long it may take, once all faults have ended, until ... */
const limitsMs = {
  /** ... nodes that were leaving have left and are back. */
  left: 12_000,
  /** ... all views are equal and right: a member that was taken for dead is dialled again every 30 s. */
  agree: 90_000,
  /** ... each pair has one link. */
  settle: 60_000,
  /** ... every job that was acknowledged has its outcome. */
  outcomes: 60_000,
  /** ... schedules have made up for all that they missed: a job that was not taken is submitted again within 30 s. */
  fired: 60_000,
  /** ... those that are left are cancelled. */
  ended: 30_000,
  /** ... it is held by as many nodes as it is to be. */
  copies: 30_000,
  /** ... nobody acts on anything that was wrong any more: what was lost six times on its way comes 12.6 s later. */
  forget: 15_000,
} as const;
const startMs = 10_000;
const calmMs = 10_000;
const pollMs = 50;
/** One that yields as slowly as it may, and as much. */
const jobMs = 10_000;
const roundsMax = 5;
/** A schedule may be so late. */
const fireGraceMs = 5_000;

/** The command that repeats a run, and tells its story. */
export function replayCommand(
  seed: string,
  { sabotage = null, fault = null, submitsOnly = false }: ChaosOptions = {},
): string {
  const options = [
    fault === null ? '' : ` --fault ${fault}`,
    sabotage === null ? '' : ` --sabotage ${sabotage}`,
    submitsOnly ? ' --submits-only' : '',
  ];
  return `npm run soak -- --seed ${seed}${options.join('')}`;
}

/** One random cluster under random faults, with every invariant checked after every step. */
export function runChaos(seed: string, options: ChaosOptions = {}): ChaosReport {
  return new ChaosRun(drawPlan(seed, options.fault, options.submitsOnly), options).run();
}

class ChaosRun {
  private readonly invariants: Invariants;
  private readonly cluster: SimCluster;
  private readonly nodes: ChaosNodes;
  private readonly faults: ChaosFaults;
  private readonly clients: ChaosClients;
  private readonly random: Random;
  private readonly options: Random;
  private agreedAfterMs = Number.POSITIVE_INFINITY;
  private lastJob = 0;
  private readonly met = new Map<MetKind, number>();

  constructor(
    private readonly plan: ChaosPlan,
    options: ChaosOptions,
  ) {
    const { sabotage = null, fault = null, submitsOnly = false } = options;
    const spoilt: Sabotage = sabotage === null ? {} : sabotages[sabotage];
    const { seed, loss, delayMs, format, pieceBytes, queues, runMs } = plan;
    this.invariants = new Invariants({
      nowMs: () => this.cluster.time.nowMs,
      seed,
      replay: replayCommand(seed, options),
    });
    const { invariants } = this;
    const cluster = new SimCluster({
      seed: `chaos/${seed}`,
      skipsTrace: fault !== null,
      network: { loss, delayMs, format, pieceBytes, ...queues },
      runMs,
      streams: plan.clients.follows ? 0.6 : 0,
      chunkLengthMax: 200,
      membership: spoilt.membership ?? {},
      watch: {
        arrived: (_, event) => this.note(event),
        performed: (node, effect) => {
          this.faults.performed(node, effect);
          this.nodes.performed(node, effect);
        },
      },
      hooks: [
        {
          wrapMembership: (_, membership) => spoilt.spoil?.(membership) ?? membership,
          created: ({ core }) => spoilt.spoilJobs?.(core.jobs, core.self().id),
        },
        invariants,
      ],
      fateOf: (start) => this.clients.fateOf(start),
      skipsSync: spoilt.skipsJournalSync ?? false,
    });
    this.cluster = cluster;
    invariants.copies.full = plan.full;
    this.random = cluster.random.fork('chaos');
    this.options = cluster.random.fork('options');
    this.nodes = new ChaosNodes({
      plan,
      cluster,
      invariants,
      random: this.random.fork('nodes'),
      skipsStep: (step) => spoilt.skipsStep?.(step) ?? false,
      noticesCrash: !submitsOnly,
    });
    this.faults = new ChaosFaults({
      plan,
      nodes: this.nodes,
      invariants,
      random: this.random.fork('faults'),
      submit: (entry, argsBytes) => this.submit(entry, false, argsBytes),
    });
    this.clients = new ChaosClients({
      plan,
      nodes: this.nodes,
      random: cluster.random.fork('clients'),
      submit: (entry, options) => this.submit(entry, false, 0, options),
    });
  }

  run(): ChaosReport {
    let violation: InvariantViolation | Error | null = null;
    try {
      this.runThrough();
    } catch (error) {
      // A core that asserts is a finding like any other.
      violation = error instanceof Error ? error : new Error(String(error));
    }
    return {
      seed: this.plan.seed,
      violation,
      fired: this.faults.fired,
      met: this.met,
      story: this.faults.story,
      agreedAfterMs: this.agreedAfterMs,
      simulatedMs: this.cluster.time.nowMs,
      traceHash: this.cluster.traceHash,
      jobs: this.countJobs(violation),
      clients: this.countClients(),
    };
  }

  private countJobs(violation: InvariantViolation | Error | null): ChaosJobs {
    const { copies, jobs } = this.invariants;
    const found = violation instanceof InvariantViolation ? violation.invariant : null;
    const missing = copies.missing().length;
    return {
      checked: violation === null ? copies.checkedCount : 0,
      excused: copies.excusedCount,
      lost: found === 11 ? missing : Number(found === 9),
      repeated: jobs.repeatedCount,
    };
  }

  private countClients(): Map<ClientFact, number> {
    const { invariants, cluster, nodes } = this;
    const count = (type: 'cancel' | 'retry'): number =>
      cluster.requests.filter(({ command, reply }) => command.type === type && reply?.ok === true).length;
    return new Map<ClientFact, number>([
      ['cancelled', count('cancel')],
      ['retried', count('retry')],
      ['told', invariants.told.toldCount],
      ['after others', invariants.after.startedCount],
      ['fired', invariants.schedules.firedCount],
      ['followed', invariants.streams.wholeCount],
      ['after a crash', nodes.startsAfterCrash],
    ]);
  }

  private note(event: NodeEvent): void {
    const kind = metKindOf(event);
    if (kind !== null) this.met.set(kind, (this.met.get(kind) ?? 0) + 1);
  }

  private runThrough(): void {
    const { plan, cluster, nodes, faults, invariants } = this;
    nodes.startAll();
    if (plan.isCalm) {
      this.within(startMs, 5, () => disagreements(nodes.live()));
      invariants.setCalm(true);
    }
    faults.schedule();
    this.scheduleJobs();
    this.clients.schedule();
    cluster.runFor(plan.faultsMs);
    faults.relieveAll();
    // Ends that wait to be told again all go onto a new link at once: where that is over its limit, no link ever lasts.
    Object.assign(cluster.network.queueLimits, defaultQueueLimits);
    this.bringBack();
    const healedAtMs = cluster.time.nowMs;
    this.within(limitsMs.agree, 5, () => disagreements(nodes.live()));
    this.agreedAfterMs = cluster.time.nowMs - healedAtMs;
    this.within(limitsMs.settle, 8, () => unsettledPairs(nodes.live(), invariants.links));
    this.within(limitsMs.fired, 23, () => invariants.schedules.missing(fireGraceMs));
    this.within(limitsMs.ended, 23, () => this.clients.endSchedules());
    this.within(limitsMs.outcomes, 11, () => invariants.copies.missing());
    this.within(limitsMs.outcomes, 25, () => invariants.streams.unanswered());
    this.within(limitsMs.copies, 15, () => invariants.copies.lacking(nodes.live()));
    // Two nodes have nobody else to ask by: a packet lost four times in a row makes one of them dead for the other.
    if (nodes.live().length < 3) cluster.network.loss = 0;
    cluster.runFor(limitsMs.forget);
    invariants.setCalm(true);
    // Where a node came back with another id, the others go on dialling the old one's address, and each such dial is a new link to it.
    if (!faults.fired.has('newId')) this.checkRoundRobin();
    cluster.runFor(calmMs);
    // Where packets are lost a live node is suspect for a moment now and then, and never dead: see invariant 6.
    this.within(plan.loss === 0 ? 0 : limitsMs.agree, 5, () => disagreements(nodes.live()));
  }

  /** Whoever is down starts again; also those that are still about to leave. */
  private bringBack(): void {
    const { plan, cluster, nodes } = this;
    const restartAll = (): void => {
      for (const name of plan.names) nodes.restart(name);
    };
    restartAll();
    if (nodes.live().some(({ core }) => core.self().draining)) cluster.runFor(limitsMs.left);
    restartAll();
  }

  private scheduleJobs(): void {
    const { plan, cluster, nodes, random } = this;
    const next = (): void => {
      const running = nodes.live().filter(({ status }) => status === 'running');
      if (running.length > 0) {
        const entry = pick(random, running).name;
        this.clients.noteSubmitted(this.submit(entry, false, 0, this.clients.alter(this.drawOptions())));
      }
      if (cluster.time.nowMs < plan.faultsMs) cluster.time.after(plan.jobGapMs * 2 * random.next(), next);
    };
    cluster.time.after(plan.jobGapMs, next);
  }

  /** Half of them as most clients ask for them. */
  private drawOptions(): SubmitOptions {
    const { options: random } = this;
    const is = (oneIn: number): boolean => random.below(oneIn) === 0;
    if (is(2)) return defaultSubmitOptions;
    return {
      ...defaultSubmitOptions,
      copies: is(2) ? null : 1 + random.below(3),
      durable: is(3) ? false : null,
      // A delay ends by the wall clock: one that has jumped an hour back makes an hour of it.
      delayMs: is(3) && this.plan.weights.wallJump === 0 ? random.below(5_000) : 0,
      retries: is(2) ? 2 : null,
      key: is(2) ? `key-of-${this.lastJob + 1}` : null,
    };
  }

  private submit(
    entry: string,
    wait: boolean,
    argsBytes = 0,
    options: SubmitOptions = defaultSubmitOptions,
  ): SimRequest {
    // A JSON value may have any number of blanks around it.
    const args = String(++this.lastJob).padEnd(argsBytes);
    const command: SubmitCommand = {
      type: 'submit',
      wait,
      task: 'echo',
      args,
      options,
    };
    return this.cluster.request(entry, command);
  }

  /** Jobs one after the other, so that every node has room: each node gets as many as any other. */
  private checkRoundRobin(): void {
    const { nodes, invariants, random } = this;
    const names = nodes.live().map(({ name }) => name);
    const entry = pick(random, names);
    for (let round = 1; round <= roundsMax; round++) {
      const { counts, isUndisturbed } = this.countAttempts(entry, names);
      if (Math.max(...counts) - Math.min(...counts) <= 1) return;
      if (isUndisturbed || round === roundsMax)
        invariants.fail(16, entry, names.map((name, index) => `${name} ran ${counts[index]}`).join(', '));
      // A packet that is lost again and again keeps its node suspect for longer than all rounds take.
      this.cluster.time.runFor(calmMs);
    }
  }

  /** A node that is suspect gets no jobs, rightly; where packets are lost a live one is so for a moment now and then. */
  private countAttempts(
    entry: string,
    names: readonly string[],
  ): { counts: number[]; isUndisturbed: boolean } {
    const { cluster } = this;
    const { core } = cluster.node(entry);
    const first = this.lastJob;
    let isUndisturbed = true;
    for (let job = 0; job < 2 * names.length + 1; job++) {
      const request = this.submit(entry, true);
      const isOver = (): boolean => {
        isUndisturbed &&= core.countMembers().suspect === 0;
        return request.reply !== null;
      };
      cluster.runUntil('a job has its outcome', isOver, jobMs);
    }
    // What was left to do from before may still run beside them.
    const attempts = cluster.attempts.filter(({ start }) => Number(start.args) > first);
    return { counts: names.map((name) => attempts.filter(({ on }) => on === name).length), isUndisturbed };
  }

  /** Runs until nothing is wrong; fails when something still is after so much time. */
  private within(limitMs: number, invariant: Invariant, check: () => readonly string[]): void {
    const { time } = this.cluster;
    const endMs = time.nowMs + limitMs;
    for (let wrong = check(); wrong.length > 0; wrong = check()) {
      if (time.nowMs >= endMs) this.invariants.fail(invariant, 'the cluster', wrong.slice(0, 8).join('; '));
      time.runFor(pollMs);
    }
  }
}

function metKindOf(event: NodeEvent): MetKind | null {
  switch (event.type) {
    case 'link_pressure':
      return event.congested ? 'congested' : 'relieved';
    case 'link_closed':
      return metKinds.find((kind) => kind === event.reason) ?? null;
    case 'dial_failed':
      return metKinds.find((kind) => kind === `dial ${event.reason}`) ?? null;
    default:
      return null;
  }
}
