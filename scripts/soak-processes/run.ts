import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../../src/core/random.js';
import { Entry } from './entry.js';
import { describeFault, type FaultKind, planFaults } from './fault-plan.js';
import { type FaultsOptions, performFault } from './faults.js';
import { checkHistory, type FaultPeriod } from './history.js';
import { SoakNodes } from './nodes.js';
import { readRuns } from './note-task.js';
import { type Outcome, violationsOf } from './violations.js';
import { Workload } from './workload.js';

export interface SoakOptions {
  readonly seed: string;
  /** Empty: no faults at all. */
  readonly kinds: readonly FaultKind[];
  /** Ends when so many jobs are acknowledged, and no sooner than each kind of fault has come once. */
  readonly jobs?: number;
  /** Ends after so long, with the same condition. */
  readonly durationMs?: number;
  readonly jobsPerSecond: number;
  readonly drainTimeoutMs: number;
  /** Whether each node has a host of its own; partitions need that. */
  readonly hasNetwork: boolean;
  /** Faults and the pauses between them are as short as can be. */
  readonly isBrief?: boolean;
  /** The places of the nodes that clients talk to; all when not said. */
  readonly submittedTo?: readonly number[];
  /** The places of the nodes that are killed or stopped alone; all when not said. */
  readonly victims?: readonly number[];
  /** More options of SUBMIT: `copies=1 durable=no` has the nodes promise less, and jobs must be lost. */
  readonly promise?: string;
  /** More arguments of `rondo start`. */
  readonly args?: readonly string[];
  /** Takes a time that misses its aim for a violation: only where the machine has nothing else to do. */
  readonly checksTimes?: boolean;
  /** Removes the nodes' data and logs even when something went wrong. */
  readonly keepsNothing?: boolean;
  /** Told every few seconds, and of each fault. */
  readonly tell?: (line: string) => void;
}

export interface SoakResult extends Outcome {
  readonly elapsedMs: number;
  /** Where the nodes' data and logs are, when something went wrong. */
  readonly keptIn: string | null;
  /** What must not be, in words; empty when everything held. */
  readonly violations: readonly string[];
}

const nodeCount = 5;
const tellEveryMs = 5_000;
const calmPollMs = 50;
/** The most between two faults. */
const calmMs = 3_000;
const briefCalmMs = 300;
/** Before the first fault, so that there is work for it to hit. */
const warmUpMs = 500;

/** Five nodes, clients that keep them busy, one fault after the other; then the drain, and what the history shows. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const startedAtMs = Date.now();
  const random = createRandom(options.seed);
  const smallDisk = options.kinds.includes('disk') ? random.fork('disk').below(nodeCount) : null;
  const { hasNetwork, args = [] } = options;
  const nodes = await SoakNodes.prepare({ nodes: nodeCount, hasNetwork, smallDisk, args });
  let isKept = options.keepsNothing !== true;
  try {
    await nodes.startAll();
    await nodes.untilAgreed();
    const soak = new Soak(nodes, smallDisk, options);
    const result = await soak.run();
    const violations = violationsOf(result, options);
    isKept &&= violations.length > 0;
    if (isKept) keepLogs(nodes);
    const keptIn = isKept ? nodes.directory : null;
    return { ...result, elapsedMs: Date.now() - startedAtMs, keptIn, violations };
  } finally {
    await nodes.stop(isKept);
  }
}

class Soak {
  readonly #entries: readonly Entry[];
  readonly #workload: Workload;
  readonly #periods: FaultPeriod[] = [];
  readonly #fired: Partial<Record<FaultKind, number>> = {};
  readonly #problems: string[] = [];
  readonly #startedAtMs = Date.now();
  #doing = 'no fault yet';

  constructor(
    private readonly nodes: SoakNodes,
    private readonly smallDisk: number | null,
    private readonly options: SoakOptions,
  ) {
    const { seed, submittedTo, jobsPerSecond, promise } = options;
    this.#entries = Array.from(
      { length: nodes.count },
      (_, place) => new Entry(nodes.nameOf(place), () => nodes.addressOf(place)),
    );
    this.#workload = new Workload({
      entries: this.#entries.filter((_, place) => submittedTo?.includes(place) ?? true),
      random: createRandom(seed).fork('workload'),
      jobsPerSecond,
      ...(promise === undefined ? {} : { promise }),
    });
  }

  async run(): Promise<Outcome> {
    const telling = setInterval(() => this.#tell(), tellEveryMs);
    try {
      await delay(warmUpMs);
      await this.#performFaults();
      this.#doing = 'the last jobs';
      await this.#workload.endSubmitting();
      this.#doing = 'draining';
      const isDrained = await this.#workload.drain(this.options.drainTimeoutMs);
      this.#tell();
      this.#lookForEndedNodes();
      const { events } = this.#workload;
      const history = { events, runs: readRuns(this.nodes.directory), faults: this.#periods };
      writeFileSync(join(this.nodes.directory, 'history.json'), JSON.stringify(history));
      return {
        findings: checkHistory(history),
        fired: this.#fired,
        isDrained,
        problems: this.#problems,
      };
    } finally {
      clearInterval(telling);
      this.#workload.stop();
      for (const entry of this.#entries) entry.close();
    }
  }

  /** Until there are enough jobs; a fault that can't be undone is the last. */
  async #performFaults(): Promise<void> {
    const { kinds, seed, isBrief = false, victims } = this.options;
    const random = createRandom(seed).fork('faults');
    for (const kind of kinds) this.#fired[kind] = 0;
    if (kinds.length === 0) return this.#untilEnough();
    const plan = planFaults(random, {
      kinds,
      nodes: this.nodes.count,
      ...(victims === undefined ? {} : { victims }),
      isBrief,
    });
    for (let count = 0; count < kinds.length || !this.#isEnough(); count++) {
      const fault = plan.next().value;
      this.#doing = describeFault(fault, (place) => this.nodes.nameOf(place));
      this.#tell();
      const fromMs = Date.now();
      try {
        const { period, hasFired } = await performFault(fault, this.#faultsOptions());
        this.#periods.push(period);
        if (hasFired) this.#fired[fault.kind] = (this.#fired[fault.kind] ?? 0) + 1;
      } catch (error) {
        this.#problems.push(`${this.#doing}: ${(error as Error).message}`);
        await this.#bringBack();
        const names = this.#entries.map(({ name }) => name);
        this.#periods.push({ kind: fault.kind, nodes: names, fromMs, untilMs: Date.now() });
        return;
      }
      this.#doing = 'calm';
      await delay(random.below(isBrief ? briefCalmMs : calmMs));
    }
    await this.#untilEnough();
  }

  /** What can still be drained is drained, and what is left then is lost for another reason than a node that is down. */
  async #bringBack(): Promise<void> {
    this.nodes.heal();
    try {
      for (let place = 0; place < this.nodes.count; place++) {
        if (!this.nodes.isUp(place)) await this.nodes.start(place);
      }
      await this.nodes.untilAgreed();
    } catch (error) {
      this.#problems.push(`not all nodes came back: ${(error as Error).message}`);
    }
  }

  #faultsOptions(): FaultsOptions {
    const { nodes, smallDisk } = this;
    const submittedTo = new Set(this.options.submittedTo ?? this.#entries.keys());
    return { nodes, workload: this.#workload, entries: this.#entries, smallDisk, submittedTo };
  }

  async #untilEnough(): Promise<void> {
    while (!this.#isEnough()) await delay(calmPollMs);
  }

  #isEnough(): boolean {
    const { jobs = 0, durationMs = 0 } = this.options;
    return this.#workload.acknowledgedCount >= jobs && Date.now() - this.#startedAtMs >= durationMs;
  }

  #lookForEndedNodes(): void {
    for (let place = 0; place < this.nodes.count; place++) {
      if (!this.nodes.isUp(place)) this.#problems.push(`${this.nodes.nameOf(place)} is not up at the end`);
    }
  }

  #tell(): void {
    const seconds = ((Date.now() - this.#startedAtMs) / 1000).toFixed(0);
    const { acknowledgedCount, open } = this.#workload;
    this.options.tell?.(
      `${seconds} s: ${acknowledgedCount} jobs acknowledged, ${open.size} without an outcome yet; ${this.#doing}`,
    );
  }
}

function keepLogs(nodes: SoakNodes): void {
  for (const [name, log] of nodes.logs()) writeFileSync(join(nodes.directory, `${name}.log`), log);
}
