import { type DiskStep, replaceFileSteps } from '../../../src/core/durable-steps.js';
import type { NodeEffect } from '../../../src/core/effects.js';
import { RondoError } from '../../../src/core/errors.js';
import type { JobId } from '../../../src/core/ids.js';
import { defaultJobsConfig } from '../../../src/core/jobs/config.js';
import type { Random } from '../../../src/core/random.js';
import type { Invariants } from '../../../src/sim/invariants.js';
import type { SimCluster } from '../../../src/sim/sim-cluster.js';
import { SimDisk } from '../../../src/sim/sim-disk.js';
import { SimJournalDisk } from '../../../src/sim/sim-journal.js';
import type { SimNode } from '../../../src/sim/sim-node.js';
import { startFromDisk } from '../../../src/sim/sim-start.js';
import type { ChaosPlan } from './plan.js';

export interface ChaosNodesOptions {
  readonly plan: ChaosPlan;
  readonly cluster: SimCluster;
  readonly invariants: Invariants;
  readonly random: Random;
  readonly skipsStep: (step: DiskStep) => boolean;
  /** Who was killed, or lost its power, knows it when it starts again. */
  readonly noticesCrash: boolean;
}

/** The nodes of a run: those that belong to it, and those that should not be there. */
export class ChaosNodes {
  readonly cluster: SimCluster;
  private readonly disks = new Map<string, SimDisk>();
  private readonly journals = new Map<string, SimJournalDisk>();
  private readonly peers = new Map<string, readonly string[]>();
  /** Those whose data directory no process has given free. */
  private readonly crashed = new Set<string>();
  startsAfterCrash = 0;
  private ids = 0;
  private instances = 0;

  constructor(private readonly options: ChaosNodesOptions) {
    this.cluster = options.cluster;
  }

  performed({ name }: SimNode, effect: NodeEffect): void {
    if (effect.type === 'keep_peers') this.peers.set(name, effect.addresses);
  }

  startAll(): void {
    for (const name of this.options.plan.names) this.start(name);
  }

  /** Those that belong here and are up, standing still or not. */
  live(): SimNode[] {
    return this.options.plan.names
      .map((name) => this.cluster.node(name))
      .filter(({ status }) => status !== 'dead');
  }

  kill(name: string): void {
    const node = this.cluster.node(name);
    if (node.status === 'dead') return;
    node.kill();
    this.crashed.add(name);
    this.options.invariants.copies.nodeLost(node, true);
  }

  /** Does nothing when it is up. */
  restart(name: string): void {
    if (this.cluster.node(name).status === 'dead') this.start(name);
  }

  /** The machine loses its power, and its disk what was not synced. */
  powerOff(name: string): void {
    const node = this.cluster.node(name);
    if (node.status !== 'dead') {
      node.powerOff();
      this.options.invariants.copies.nodeLost(node, true);
    }
    this.crashed.add(name);
    this.diskOf(name).crash(this.options.random);
  }

  /** The power fails while it starts. */
  startInVain(name: string): void {
    if (this.cluster.node(name).status !== 'dead') return;
    this.start(name, { crashBefore: this.options.random.below(stepCount + 1) });
    this.powerOff(name);
  }

  /** Its data directory is lost: its next start is that of another node at the same address. */
  renew(name: string): void {
    this.disks.delete(name);
    this.peers.delete(name);
    this.crashed.delete(name);
    this.options.invariants.copies.nodeLost(this.cluster.node(name), false);
    this.journals.delete(name);
  }

  /** It is killed, and a record in its journal spoilt: of that job, or of none where nothing is left there. */
  flipBit(name: string): JobId | null {
    this.kill(name);
    const job = this.journalOf(name)?.damage(this.options.random) ?? null;
    if (job !== null) this.options.invariants.copies.recordLost(this.cluster.node(name), job);
    return job;
  }

  journalOf(name: string): SimJournalDisk | null {
    if (!this.options.plan.hasJournals) return null;
    const known = this.journals.get(name) ?? new SimJournalDisk();
    this.journals.set(name, known);
    return known;
  }

  /** A second node starts with a copy of the first one's data directory. */
  startTwin(name: string, twin: string): SimNode {
    this.options.invariants.membership.expectShared(this.cluster.node(name).core.self().id);
    this.disks.set(twin, this.diskOf(name).copy());
    const journal = this.journalOf(name)?.copy();
    if (journal !== undefined) this.journals.set(twin, journal);
    this.options.invariants.copies.expectTwin(twin);
    this.start(twin);
    return this.cluster.node(twin);
  }

  startStranger(name: string, cluster: string): SimNode {
    this.start(name, { cluster });
    return this.cluster.node(name);
  }

  private start(name: string, { cluster = 'sim', crashBefore = Number.POSITIVE_INFINITY } = {}): void {
    const { invariants, plan, skipsStep } = this.options;
    try {
      const identity = startFromDisk(this.diskOf(name), {
        newId: () => `${name}${this.ids++}`.padEnd(12, 'v'),
        crashBefore,
        keepStep: (step) => !skipsStep(step),
      });
      if (identity === null) return;
      const isAfterCrash = this.crashed.delete(name) && this.options.noticesCrash;
      if (isAfterCrash) this.startsAfterCrash++;
      const instance = (32 ** 4 + this.instances++).toString(32).slice(-5);
      this.cluster.start(name, undefined, {
        ...identity,
        instance,
        cluster,
        seeds: plan.seeds,
        knownPeers: this.peers.get(name) ?? [],
        disk: this.journalOf(name),
        isAfterCrash,
        ...(name === plan.full ? { jobs: { ...defaultJobsConfig, queueLengthMax: fewJobs } } : {}),
      });
    } catch (error) {
      if (!(error instanceof RondoError)) throw error;
      invariants.fail(21, name, error.message);
    }
  }

  private diskOf(name: string): SimDisk {
    const known = this.disks.get(name);
    if (known !== undefined) return known;
    const disk = new SimDisk();
    this.disks.set(name, disk);
    return disk;
  }
}

/** What a node that is full by then has room for. */
const fewJobs = 5;
const stepCount = replaceFileSteps('', '').length;
