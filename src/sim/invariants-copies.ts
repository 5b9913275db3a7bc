import type { AttemptStart, NodeEffect, NodeEvent } from '../core/effects.js';
import type { JobId, NodeId, RequestId, RunId } from '../core/ids.js';
import { isFinished, type JobRecord } from '../core/jobs/record.js';
import type { SimJournalDisk } from './sim-journal.js';
import type { SimNode } from './sim-node.js';
import type { Invariant } from './violation.js';

export interface CopyInvariantsOptions {
  readonly nowMs: () => number;
  readonly fail: (invariant: Invariant, node: string, what: string) => never;
}

/** A job whose client was told that it is kept. */
interface Acknowledged {
  readonly args: string;
  readonly copies: number;
  readonly isDurable: boolean;
  /** Its outcome was accepted by its owner. */
  isOver: boolean;
  /** As many nodes as had it were lost at once: nobody has promised anything. */
  isExcused: boolean;
  /** Disks that have lost it since it was last on as many as it is to be. */
  disksLost: number;
}

/** An outcome that an owner has accepted. */
interface Accepted {
  readonly node: string;
  readonly epoch: number;
  /** Nodes that had it then. */
  readonly holders: readonly NodeId[];
  /** The epoch in which its owner heard it from an executor, be it this one or an earlier one. */
  readonly heardIn: number;
}

/** Copies are made again within so long; nodes that are lost closer together count as lost at once. */
const repairMs = 20_000;
const lostLatelyMs = 3_000;

/** Job invariants 9, 10, 11, 13, 15 and 17: what is acknowledged is held by as many nodes as was said, and reaches one outcome. */
export class CopyInvariants {
  /** Both sides of a cut may accept an outcome: what is promised then is only that none is lost. */
  mayRepeat = false;
  private readonly nodes = new Map<string, SimNode>();
  private readonly args = new Map<SimNode, Map<RequestId, string>>();
  private readonly acknowledged = new Map<JobId, Acknowledged>();
  private readonly accepted = new Map<string, Accepted>();
  /** Epochs in which an owner has heard an outcome from an executor, by job and generation. */
  private readonly heard = new Map<string, number[]>();
  private readonly started = new Set<string>();
  /** What each process has started. */
  private readonly runs = new Map<SimNode, Map<RunId, JobId>>();
  private readonly lostAtMs = new Map<string, number>();
  /** No node will ever open them again. */
  private readonly disksGone = new WeakSet<SimJournalDisk>();
  /** How many jobs were looked at in the end. */
  checkedCount = 0;

  constructor(private readonly options: CopyInvariantsOptions) {}

  stepped(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void {
    this.nodes.set(node.name, node);
    if (event.type === 'request' && event.command.type === 'submit') {
      const args = this.args.get(node) ?? new Map<RequestId, string>();
      this.args.set(node, args.set(event.request, String(event.command.args)));
    }
    if (event.type === 'message' && event.message.type === 'ran') this.noteHeard(node, event.message.key.job);
    else if (event.type === 'attempt_ended') this.noteHeard(node, this.runs.get(node)?.get(event.run));
    for (const effect of effects) {
      if (effect.type === 'reply' && effect.reply.ok) this.noteReply(node, effect.request, effect.reply.text);
      else if (effect.type === 'start_attempt') this.noteStart(node, effect);
      else if (effect.type === 'gone') this.noteGone(node);
    }
  }

  /** An owner has accepted an outcome. */
  outcome(node: SimNode, record: JobRecord, isAdopted: boolean): void {
    const { id } = record.spec;
    const known = this.acknowledged.get(id);
    if (known !== undefined) known.isOver = true;
    const name = nameOf(record);
    const earlier = this.accepted.get(name);
    const { epoch } = record;
    // A later owner has one that an earlier owner heard, who may accept it still: it is the same one.
    const heardIn = isAdopted
      ? Math.max(...(this.heard.get(name) ?? []).filter((each) => each < epoch))
      : epoch;
    if (earlier !== undefined && !isAdopted && earlier.heardIn !== heardIn && !this.mayRepeatNow(earlier))
      this.fail(
        17,
        node,
        `${id} was ended by ${earlier.node} in epoch ${earlier.epoch}, and again in ${epoch}`,
      );
    this.accepted.set(name, { node: node.name, epoch, heardIn, holders: record.holders });
  }

  /** An executor has told how an attempt ended. */
  private noteHeard({ core }: SimNode, job: JobId | undefined): void {
    const record = job === undefined ? undefined : core.jobs.ledger.get(job);
    if (record === undefined || (record.outcome === null && !isFinished(record.state))) return;
    const name = nameOf(record);
    const epochs = this.heard.get(name);
    if (epochs === undefined) this.heard.set(name, [record.epoch]);
    else if (!epochs.includes(record.epoch)) epochs.push(record.epoch);
  }

  /** A process ends, and what it had only in memory is lost; without `keepsDisk`, its disk as well. */
  nodeLost(node: SimNode, keepsDisk: boolean): void {
    const nowMs = this.options.nowMs();
    this.lostAtMs.set(node.name, nowMs);
    const lostCount = [...this.nodes.values()].filter(
      ({ name, status }) =>
        status === 'dead' || nowMs - (this.lostAtMs.get(name) ?? Number.NEGATIVE_INFINITY) < repairMs,
    ).length;
    const diskLost = keepsDisk ? null : node.disk;
    if (diskLost !== null) this.disksGone.add(diskLost);
    for (const [id, job] of this.acknowledged) {
      if (job.isOver || job.isExcused) continue;
      if (diskLost?.holds(id) === true) this.countLost(id, job, 1);
      if (this.isKept(id, node)) continue;
      // What is on disk outlives the end of any number of processes.
      if ((job.isDurable ? job.disksLost : lostCount) >= job.copies) job.isExcused = true;
      else this.fail(9, node, `with it the last copy of ${id} is lost, which ${job.copies} nodes held`);
    }
  }

  /** It has left. Where it could see nobody to hand its jobs to, it has said so. */
  private noteGone(node: SimNode): void {
    for (const [id, job] of this.acknowledged) {
      if (job.isOver || job.isExcused || this.isKept(id, node)) continue;
      if (this.mayRepeat) job.isExcused = true;
      else this.fail(9, node, `it leaves, and nobody else has ${id}`);
    }
  }

  /** What its disk had of a job can't be read any more, and the node is down. */
  recordLost(node: SimNode, id: JobId): void {
    const job = this.acknowledged.get(id);
    if (job === undefined || job.isOver || job.isExcused) return;
    this.countLost(id, job, 1);
    if (this.isKept(id, node)) return;
    if (job.disksLost >= job.copies) job.isExcused = true;
    else
      this.fail(
        9,
        node,
        `one spoilt record, and the last copy of ${id} is lost, which ${job.copies} nodes held`,
      );
  }

  /** `gone`: how many of the disks that had it before this loss have it no more. */
  private countLost(id: JobId, job: Acknowledged, gone: number): void {
    if (this.disksWith(id) + gone >= job.copies) job.disksLost = 0;
    job.disksLost++;
  }

  /** Acknowledged jobs that have not been run, or have no outcome. */
  missing(): string[] {
    this.checkedCount = 0;
    return [...this.acknowledged].flatMap(([id, job]) => {
      if (job.isExcused) return [];
      this.checkedCount++;
      if (!this.started.has(id)) return [`${id} was never run`];
      return job.isOver || this.isOver(id) ? [] : [`${id} has no outcome`];
    });
  }

  get excusedCount(): number {
    return [...this.acknowledged.values()].filter(({ isExcused }) => isExcused).length;
  }

  private isOver(id: JobId): boolean {
    return [...this.nodes.values()].some(({ core, status }) => {
      const record = core.jobs.ledger.get(id);
      return status !== 'dead' && record !== undefined && isFinished(record.state);
    });
  }

  /** Jobs that fewer nodes hold than are to, by the account of all live nodes. */
  lacking(live: readonly SimNode[]): string[] {
    const byId = new Map(live.map((node) => [node.core.self().id, node] as const));
    return live.flatMap((node) =>
      [...node.core.jobs.ledger.values()].flatMap((record) => {
        const wanted = Math.min(record.spec.copies, live.length);
        if (isFinished(record.state) && record.spec.ttlMs === 0) return [];
        const held = record.holders.filter((holder) => isHeldBy(byId.get(holder), record));
        return held.length >= wanted
          ? []
          : [`${record.spec.id} of ${node.name} is held by ${held.length} of ${wanted}`];
      }),
    );
  }

  private noteReply(node: SimNode, request: RequestId, text: string): void {
    const [, id, copies, durable] = /^(\S+) copies=(\d+) durable=(yes|no)$/.exec(text) ?? [];
    const args = this.args.get(node)?.get(request);
    if (id === undefined || args === undefined) return;
    const isDurable = durable === 'yes';
    const job = this.acknowledged.get(id);
    if (job === undefined) {
      const isOver = this.accepted.has(`${id}/0`);
      this.acknowledged.set(id, {
        args,
        copies: Number(copies),
        isDurable,
        isOver,
        // All that had it, in memory alone, may have been lost before the word came here.
        isExcused: !isOver && !this.isKept(id, null) && this.lostLatelyCount() >= Number(copies),
        // One that had it may have been lost before the word came here.
        disksLost: Math.max(0, Number(copies) - this.disksWith(id)),
      });
    }
    // Passed on by another node, the word is a moment old.
    const record = node.core.jobs.ledger.get(id);
    if (record !== undefined && !isFinished(record.state))
      this.checkHolders(node, id, Number(copies), isDurable);
  }

  private checkHolders(node: SimNode, id: JobId, copies: number, isDurable: boolean): void {
    const holders = new Set<NodeId>();
    for (const { status, core, disk } of this.nodes.values()) {
      const isHere = status !== 'dead' && holdsInMemory(core, id);
      if (isHere && (!isDurable || disk?.holds(id) === true)) holders.add(core.self().id);
    }
    // One that was lost since it said so, had it.
    if (holders.size + this.lostLatelyCount() < copies)
      this.fail(10, node, `it says that ${copies} nodes hold ${id}, and ${holders.size} do`);
  }

  private lostLatelyCount(): number {
    const sinceMs = this.options.nowMs() - lostLatelyMs;
    return [...this.lostAtMs.values()].filter((atMs) => atMs > sinceMs).length;
  }

  private noteStart(node: SimNode, { job: id, run }: AttemptStart): void {
    const runs = this.runs.get(node) ?? new Map<RunId, JobId>();
    this.runs.set(node, runs.set(run, id));
    this.started.add(id);
    const { ledger, copies } = node.core.jobs.keeping;
    const record = ledger.get(id);
    const state = copies.get(id)?.copy.state;
    const isOver =
      record === undefined ? state !== undefined && state !== 'waiting' : isFinished(record.state);
    const accepted = this.accepted.get(`${id}/${record?.generation ?? copies.get(id)?.copy.generation ?? 0}`);
    if (isOver && !this.mayRepeatNow(accepted)) this.fail(13, node, `it starts ${id}, and knows its outcome`);
  }

  /** Where all holders of a job were down or stood still at once, others know of no outcome, nor does one that comes back first. */
  private mayRepeatNow(accepted: Accepted | undefined): boolean {
    const nowMs = this.options.nowMs();
    const lost = [...this.lostAtMs.values()].filter((atMs) => nowMs - atMs < repairMs);
    if (this.mayRepeat || lost.length > 1) return true;
    const wereAway = [...this.nodes.values()].filter((node) => this.wasAwayLately(node));
    const ids = wereAway.map(({ core }) => core.self().id);
    return accepted?.holders.every((holder) => ids.includes(holder)) ?? false;
  }

  private wasAwayLately({ name, status, resumedAtMs }: SimNode): boolean {
    const sinceMs = this.options.nowMs() - repairMs;
    return (
      status !== 'running' ||
      Math.max(resumedAtMs, this.lostAtMs.get(name) ?? Number.NEGATIVE_INFINITY) > sinceMs
    );
  }

  private isKept(id: JobId, lost: SimNode | null): boolean {
    for (const node of this.nodes.values()) {
      if (node !== lost && node.status !== 'dead' && holdsInMemory(node.core, id)) return true;
      if (this.isOnDiskOf(node, id)) return true;
    }
    return false;
  }

  private disksWith(id: JobId): number {
    return [...this.nodes.values()].filter((node) => this.isOnDiskOf(node, id)).length;
  }

  private isOnDiskOf({ disk }: SimNode, id: JobId): boolean {
    return disk !== null && !this.disksGone.has(disk) && disk.holds(id);
  }

  private fail(invariant: Invariant, node: SimNode, what: string): never {
    return this.options.fail(invariant, node.name, what);
  }
}

function nameOf({ spec, generation }: JobRecord): string {
  return `${spec.id}/${generation}`;
}

function holdsInMemory({ jobs }: SimNode['core'], id: JobId): boolean {
  return jobs.ledger.get(id) !== undefined || jobs.keeping.copies.get(id) !== undefined;
}

function isHeldBy(holder: SimNode | undefined, record: JobRecord): boolean {
  if (holder === undefined) return false;
  const { ledger, copies } = holder.core.jobs.keeping;
  return ledger.get(record.spec.id) === record || copies.get(record.spec.id)?.copy.owner === record.owner;
}
