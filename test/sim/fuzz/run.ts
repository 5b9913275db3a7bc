import { StreamInvariants } from '../../../src/sim/invariants-streams.js';
import { SimCluster } from '../../../src/sim/sim-cluster.js';
import { FuzzClients } from './clients.js';
import { FuzzFaults } from './faults.js';
import { checkBooks, checkNobodyWaits, checkQuiet } from './node-checks.js';
import { drawPlan, type FuzzPlan, type Weather } from './plan.js';
import { isOwed, Promises, showRequest } from './promises.js';

export interface FuzzReport {
  readonly seed: string;
  readonly weather: Weather;
  /** Each a sentence; empty when all is well. */
  readonly problems: readonly string[];
  /** The faults, in order. */
  readonly story: readonly string[];
  /** How often each kind of thing happened: faults, ends of attempts, requests, and answers by their code. */
  readonly counts: ReadonlyMap<string, number>;
  /** The same for the same seed, on every machine. */
  readonly traceHash: number;
}

/** How long it may take, once all faults have ended, until ... */
const limitsMs = {
  /** ... everybody sees exactly who is there: a node that was taken for dead is dialled again every 30 s. */
  agree: 120_000,
  /** ... every request is answered: the longest back-off, and attempts that run until they are stopped, one after the other. */
  answered: 120_000,
  /** ... nothing is left to do, besides time-outs of what was answered long before. */
  quiet: 120_000,
  /** ... a job for a certain node has run, when there is nothing else. */
  oneJob: 5_000,
} as const;
const pollMs = 100;

/** One run of a random cluster, from its start to the moment at which nothing is left to do, with everything checked. */
export function runFuzz(seed: string, weather: Weather): FuzzReport {
  const plan = drawPlan(seed, weather);
  const run = new FuzzRun(plan);
  const problems = run.run();
  return {
    seed,
    weather,
    problems,
    story: run.story(),
    counts: run.counts(),
    traceHash: run.cluster.traceHash,
  };
}

/** The command that repeats a run, and tells its story. */
export function replayCommand({ seed, weather }: FuzzReport): string {
  return `npm run fuzz -- --seed ${seed} --weather ${weather}`;
}

/** Each tells what is wrong; a later one has nothing new to tell then. */
type Stage = () => readonly string[];

class FuzzRun {
  readonly cluster: SimCluster;
  private readonly promises: Promises;
  private readonly streams: StreamInvariants;
  private readonly clients: FuzzClients;
  private readonly faults: FuzzFaults;

  constructor(private readonly plan: FuzzPlan) {
    const { seed, weather, delayMs, loss, runMs, handlers, progress, streams, tagsOf, forgetMs } = plan;
    this.streams = new StreamInvariants({
      mayMiss: () => weather === 'stormy',
      fail: (invariant, node, what) => {
        throw new Error(`invariant ${invariant} does not hold at ${node}: ${what}`);
      },
    });
    const { concurrency, outcomesMax, askTimeoutMs, timeoutMs } = plan;
    this.promises = new Promises(plan, () => this.cluster.requests);
    const cluster = new SimCluster({
      seed: `fuzz/${weather}/${seed}`,
      network: { delayMs, loss },
      jobs: { concurrency, outcomesMax, askTimeoutMs, timeoutMs },
      membership: { forgetMs },
      runMs,
      handlers,
      progress,
      streams,
      tagsOf,
      watch: this.promises,
      hooks: [this.promises, this.streams],
    });
    this.cluster = cluster;
    const { random } = cluster;
    this.clients = new FuzzClients({ plan, cluster, random: random.fork('clients') });
    this.faults = new FuzzFaults({ plan, cluster, clients: this.clients, random: random.fork('faults') });
  }

  run(): readonly string[] {
    const { cluster, plan, clients, faults } = this;
    const stages: Stage[] = [
      () => this.start(),
      () => this.runThroughFaults(),
      () => {
        faults.heal();
        return this.within(limitsMs.agree, () => this.checkMembers());
      },
      () => {
        clients.giveUpOnLate();
        return this.within(limitsMs.answered, () => this.checkAnswers());
      },
      () => this.within(limitsMs.quiet, () => checkNobodyWaits(cluster)),
      () => {
        this.cancelLate();
        return this.within(limitsMs.quiet, () => checkQuiet(cluster));
      },
      () => this.tryEveryWay(),
      () => this.within(limitsMs.quiet, () => checkQuiet(cluster)),
      () => checkBooks(cluster),
      () => this.promises.check(cluster, clients),
    ];
    try {
      for (const stage of stages) {
        const problems = stage();
        if (problems.length > 0) return problems;
      }
      return [];
    } catch (error) {
      // A core that asserts is a finding like any other.
      return [`${plan.seed}: ${error instanceof Error ? error.stack : String(error)}`];
    }
  }

  story(): readonly string[] {
    return this.faults.story;
  }

  counts(): Map<string, number> {
    const { chunkCount, missedCount, wholeCount } = this.streams;
    const counts = new Map<string, number>([
      ...this.faults.fired,
      ...this.promises.ends,
      ...(
        [
          ['chunk', chunkCount],
          ['missed', missedCount],
          ['whole stream', wholeCount],
        ] as const
      ).filter(([, count]) => count > 0),
    ]);
    const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
    for (const { command, reply, isAbandoned } of this.cluster.requests) {
      count(command.type.toUpperCase());
      if (isAbandoned) count('gave up');
      else if (reply !== null) count(reply.ok ? 'OK' : reply.code);
    }
    return counts;
  }

  private start(): string[] {
    const { names, joiners } = this.plan;
    this.cluster.startAll(names.length - joiners.length);
    this.clients.schedule();
    return [];
  }

  private runThroughFaults(): string[] {
    const { plan, cluster, faults } = this;
    const stepMs = plan.clientsMs / plan.faults;
    const random = cluster.random.fork('moments');
    while (cluster.time.nowMs < plan.clientsMs) {
      cluster.runFor(stepMs * (0.5 + random.next()));
      faults.next();
      const problems = checkBooks(cluster);
      if (problems.length > 0) return problems;
    }
    return [];
  }

  private checkMembers(): string[] {
    const { plan, cluster } = this;
    if (!cluster.agree()) return ['the nodes never agree on who is there'];
    const doomed = plan.doomed === null ? null : cluster.node(plan.doomed).hello().node;
    return cluster
      .running()
      .filter(({ core }) => doomed !== null && core.members().has(doomed))
      .map(({ name }) => `${name} never forgets ${plan.doomed}`);
  }

  private checkAnswers(): string[] {
    const open = this.cluster.requests.filter(isOwed);
    return open.map((request) => `${showRequest(request)} has no answer`);
  }

  /** Each at its owner, which may be one of two. */
  private cancelLate(): void {
    for (const { name, core } of this.cluster.running())
      for (const { spec, state } of [...core.jobs.ledger.values()])
        if (state === 'delayed') this.clients.send(name, { type: 'cancel', job: spec.id });
  }

  /** The cluster is as good as new: from every node to every node a job runs at once. */
  private tryEveryWay(): readonly string[] {
    const { cluster, clients } = this;
    const names = cluster.running().map(({ name }) => name);
    const ways = names.flatMap((entry) =>
      names.map((target) => ({ entry, target, args: `"${entry}>${target}"` })),
    );
    for (const { entry, target, args } of ways) clients.submitTo(entry, target, args);
    return this.within(limitsMs.oneJob, () => {
      const ran = new Set(cluster.attempts.map(({ start }) => start.args));
      return ways.filter(({ args }) => !ran.has(args)).map(({ args }) => `no job gets through: ${args}`);
    });
  }

  /** What is still wrong after so much time; empty as soon as nothing is. */
  private within(limitMs: number, check: Stage): readonly string[] {
    const { time } = this.cluster;
    const endMs = time.nowMs + limitMs;
    for (;;) {
      const problems = check();
      if (problems.length === 0 || time.nowMs >= endMs) return problems;
      time.runFor(pollMs);
    }
  }
}
