import type { ClientCommand } from '../core/commands.js';
import type { AttemptStart, NodeEffect, NodeEvent } from '../core/effects.js';
import type { JobId, NodeId, RequestId, RunId } from '../core/ids.js';
import { isFinished, type JobRecord } from '../core/jobs/record.js';
import { type Accepted, decisionOf, JobEnds, mayNeverRun, type Retrying } from './job-ends.js';
import type { SimJournalDisk } from './sim-journal.js';
import type { SimNode } from './sim-node.js';
import type { Invariant } from './violation.js';

export interface CopyInvariantsOptions {
  readonly nowMs: () => number;
  /** Jobs that the one with these arguments comes after. */
  readonly before: (args: string) => readonly JobId[];
  readonly fail: (invariant: Invariant, node: string, what: string) => never;
}

/** A job whose client was told that it is kept. */
interface Acknowledged {
  readonly args: string;
  readonly copies: number;
  readonly isDurable: boolean;
  /** How often it was put back after its end, as far as clients were told. */
  generation: number;
  /** Its outcome was accepted by its owner. */
  isOver: boolean;
  /** It ended without having to run. */
  mayNeverRun: boolean;
  /** As many nodes as had it were lost at once: nobody has promised anything. */
  isExcused: boolean;
  /** Disks that have lost it since it was last on as many as it is to be. */
  disksLost: number;
}

/** Copies are made again within so long; nodes that are lost closer together count as lost at once. */
const repairMs = 20_000;
const lostLatelyMs = 3_000;

/** Job invariants 9, 10, 11, 13, 15 and 17: what is acknowledged is held by as many nodes as was said, and reaches one outcome. */
export class CopyInvariants {
  /** Both sides of a cut may accept an outcome: what is promised then is only that none is lost. */
  mayRepeat = false;
  /** A node that has room for few jobs, and so may hold none for others. */
  full: string | null = null;
  private readonly nodes = new Map<string, SimNode>();
  private readonly args = new Map<SimNode, Map<RequestId, string>>();
  private readonly acknowledged = new Map<JobId, Acknowledged>();
  private readonly accepted = new Map<string, Accepted>();
  private readonly ends = new JobEnds();
  /** Epochs in which an owner has heard an outcome from an executor, by job and generation. */
  private readonly heard = new Map<string, number[]>();
  private readonly started = new Set<string>();
  /** What each process has started. */
  private readonly runs = new Map<SimNode, Map<RunId, JobId>>();
  private readonly lostAtMs = new Map<string, number>();
  /** Nodes that run on a copy of another one's disk: nobody starts them again. */
  private readonly twins = new Set<string>();
  /** No node will ever open them again. */
  private readonly disksGone = new WeakSet<SimJournalDisk>();
  /** How many jobs were looked at in the end. */
  checkedCount = 0;

  constructor(private readonly options: CopyInvariantsOptions) {}

  stepped(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void {
    this.nodes.set(node.name, node);
    if (event.type === 'request') this.noteRequest(node, event.request, event.command);
    if (event.type === 'message' && event.message.type === 'ran') this.noteHeard(node, event.message.key.job);
    else if (event.type === 'attempt_ended') this.noteHeard(node, this.runs.get(node)?.get(event.run));
    for (const effect of effects) {
      if (effect.type === 'reply' && effect.reply.ok) this.noteReply(node, effect.request, effect.reply.text);
      else if (effect.type === 'start_attempt') this.noteStart(node, effect);
      else if (effect.type === 'gone') this.noteGone(node);
      else if (effect.type === 'fatal' && this.twins.has(node.name)) this.nodeLost(node, false);
    }
    this.ends.stepped();
  }

  /** A node of that name starts with a copy of another one's disk. */
  expectTwin(name: string): void {
    this.twins.add(name);
  }

  /** An owner has accepted an outcome. */
  outcome(node: SimNode, record: JobRecord, isAdopted: boolean): void {
    const { id } = record.spec;
    const known = this.acknowledged.get(id);
    const decision = decisionOf(record);
    this.ends.note(record);
    if (known !== undefined && record.generation >= known.generation) {
      known.isOver = true;
      known.mayNeverRun ||= mayNeverRun(record);
    }
    const name = nameOf(record);
    const earlier = this.accepted.get(name);
    const { epoch } = record;
    // A later owner has one that an earlier owner heard, who may accept it still: it is the same one.
    const heardIn = isAdopted
      ? Math.max(...(this.heard.get(name) ?? []).filter((each) => each < epoch))
      : epoch;
    const isSame = earlier?.heardIn === heardIn || (decision !== null && decision === earlier?.decision);
    if (earlier !== undefined && !isAdopted && !isSame && !this.mayRepeatNow(earlier))
      this.fail(
        17,
        node,
        `${id} was ended by ${earlier.node} in epoch ${earlier.epoch}, and again in ${epoch}`,
      );
    this.accepted.set(name, {
      node: node.name,
      epoch,
      heardIn,
      decision,
      mayNeverRun: mayNeverRun(record),
      holders: record.holders,
    });
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
    const diskLost = keepsDisk && !this.twins.has(node.name) ? null : node.disk;
    if (diskLost !== null) this.disksGone.add(diskLost);
    for (const [id, job] of this.acknowledged) {
      if (job.isOver || job.isExcused) continue;
      if (diskLost?.holds(id, job.generation) === true) this.countLost(id, job, 1);
      if (this.isKept(id, node, job.generation)) continue;
      // What is on disk outlives the end of any number of processes.
      if ((job.isDurable ? job.disksLost : lostCount) >= job.copies) job.isExcused = true;
      else this.fail(9, node, `with it the last copy of ${id} is lost, which ${job.copies} nodes held`);
    }
  }

  /** It has left. Where it could see nobody to hand its jobs to, it has said so. */
  private noteGone(node: SimNode): void {
    for (const [id, job] of this.acknowledged) {
      if (job.isOver || job.isExcused || this.isKept(id, node, job.generation)) continue;
      if (this.mayRepeat) job.isExcused = true;
      else this.fail(9, node, `it leaves, and nobody else has ${id}`);
    }
  }

  /** What its disk had of a job can't be read any more, and the node is down. */
  recordLost(node: SimNode, id: JobId): void {
    const job = this.acknowledged.get(id);
    if (job === undefined || job.isOver || job.isExcused) return;
    this.countLost(id, job, 1);
    if (this.isKept(id, node, job.generation)) return;
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
    if (this.disksWith(id, job.generation) + gone >= job.copies) job.disksLost = 0;
    job.disksLost++;
  }

  /** Acknowledged jobs that have not been run, or have no outcome. */
  missing(): string[] {
    this.checkedCount = 0;
    return [...this.acknowledged].flatMap(([id, job]) => {
      if (job.isExcused || this.waitsForEver(job)) return [];
      this.checkedCount++;
      if (!this.started.has(id) && !job.mayNeverRun) return [`${id} was never run`];
      return job.isOver || this.isOver(id, job.generation) ? [] : [`${id} has no outcome`];
    });
  }

  /** What it comes after is gone: until nodes that may have it are forgotten, in a day, nobody knows how that has ended. */
  private waitsForEver({ args, isOver }: Acknowledged): boolean {
    if (isOver) return false;
    return this.options.before(args).some((id) => {
      const other = this.acknowledged.get(id);
      return other === undefined || other.isExcused || this.isGone(id) || this.waitsForEver(other);
    });
  }

  get excusedCount(): number {
    return [...this.acknowledged.values()].filter(({ isExcused }) => isExcused).length;
  }

  private isOver(id: JobId, generation: number): boolean {
    return [...this.nodes.values()].some(({ core, status }) => {
      const record = core.jobs.ledger.get(id);
      return (
        status !== 'dead' &&
        record !== undefined &&
        isFinished(record.state) &&
        record.generation >= generation
      );
    });
  }

  /** Jobs that fewer nodes hold than are to, by the account of all live nodes. */
  lacking(live: readonly SimNode[]): string[] {
    const byId = new Map(live.map((node) => [node.core.self().id, node] as const));
    return live.flatMap((node) =>
      [...node.core.jobs.ledger.values()].flatMap((record) => {
        const withRoom = live.filter(({ name }) => name !== this.full || name === node.name);
        const wanted = Math.min(record.spec.copies, withRoom.length);
        if (isFinished(record.state) && record.spec.ttlMs === 0) return [];
        const held = [...new Set(record.holders)].filter((holder) => isHeldBy(byId.get(holder), record));
        return held.length >= wanted
          ? []
          : [`${record.spec.id} of ${node.name} is held by ${held.length} of ${wanted}`];
      }),
    );
  }

  private noteRequest(node: SimNode, request: RequestId, command: ClientCommand): void {
    if (command.type === 'submit') {
      const args = this.args.get(node) ?? new Map<RequestId, string>();
      this.args.set(node, args.set(request, String(command.args)));
    } else if (command.type === 'retry') {
      this.ends.noteRetry(request, command.job);
    }
  }

  /** A client was told that its job is put back: it reaches an outcome anew. */
  private noteRetried({ job: id, generation }: Retrying): void {
    const job = this.acknowledged.get(id);
    if (job === undefined) return;
    // Where nodes are parted, it may have been put back beside a later state.
    job.generation = this.mayRepeat ? this.generationOf(id) : generation + 1;
    job.isOver = this.ends.has(id, job.generation);
    job.disksLost = Math.max(0, job.copies - this.disksWith(id, job.generation));
  }

  /** The latest that any live node knows. */
  private generationOf(id: JobId): number {
    let generation = 0;
    for (const { core, status } of this.nodes.values())
      if (status !== 'dead') generation = Math.max(generation, generationIn(core, id) ?? 0);
    return generation;
  }

  private noteReply(node: SimNode, request: RequestId, text: string): void {
    const retrying = this.ends.takeRetry(request);
    if (retrying !== undefined) {
      this.noteRetried(retrying);
      return;
    }
    const [, id, copies, durable] = /^(\S+) copies=(\d+) durable=(yes|no)$/.exec(text) ?? [];
    const args = this.args.get(node)?.get(request);
    if (id === undefined || args === undefined) return;
    const isDurable = durable === 'yes';
    this.acknowledge(id, args, Number(copies), isDurable);
    // Passed on by another node, the word is a moment old.
    const record = node.core.jobs.ledger.get(id);
    if (record !== undefined && !isFinished(record.state))
      this.checkHolders(node, id, Number(copies), isDurable);
  }

  /** Somebody was told that it is kept. */
  acknowledge(id: JobId, args: string, copies: number, isDurable: boolean): void {
    if (this.acknowledged.has(id)) return;
    const accepted = this.accepted.get(`${id}/0`);
    const isOver = accepted !== undefined;
    this.acknowledged.set(id, {
      args,
      copies,
      isDurable,
      generation: 0,
      isOver,
      mayNeverRun: accepted?.mayNeverRun ?? false,
      // All that had it, in memory alone, may have been lost before the word came here.
      isExcused: !isOver && this.isGone(id) && this.lostLatelyCount() >= copies,
      // One that had it may have been lost before the word came here.
      disksLost: Math.max(0, copies - this.disksWith(id, 0)),
    });
  }

  private checkHolders(node: SimNode, id: JobId, copies: number, isDurable: boolean): void {
    const holders = new Set<NodeId>();
    for (const { status, core, disk } of this.nodes.values()) {
      const isHere = status !== 'dead' && generationIn(core, id) !== null;
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
    const generation = generationIn(node.core, id) ?? 0;
    const isOver =
      record === undefined ? state !== undefined && state !== 'waiting' : isFinished(record.state);
    const accepted = this.accepted.get(`${id}/${generation}`);
    // Its owner may have put it back, and the word of that comes later than the attempt, or never.
    if (this.ends.isBeingRetried(id)) return;
    if (isOver && generation === this.generationOf(id) && !this.mayRepeatNow(accepted))
      this.fail(13, node, `it starts ${id}, and knows its outcome`);
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

  /** Whether others may have taken it for dead, and decided without it. */
  wasAwayLately({ name, status, resumedAtMs }: SimNode): boolean {
    const sinceMs = this.options.nowMs() - repairMs;
    return (
      status !== 'running' ||
      Math.max(resumedAtMs, this.lostAtMs.get(name) ?? Number.NEGATIVE_INFINITY) > sinceMs
    );
  }

  /** Whether clients may be told different ends of it, as its owners may not know of each other's. */
  mayDiffer(id: JobId): boolean {
    return this.mayRepeatNow(this.accepted.get(`${id}/${this.ends.latest(id)}`));
  }

  /** Nothing is promised of it any more. */
  isExcused(id: JobId): boolean {
    return this.acknowledged.get(id)?.isExcused === true;
  }

  /** No node has it, in memory or on its disk. */
  isGone(id: JobId): boolean {
    return !this.isKept(id, null, 0);
  }

  private isKept(id: JobId, lost: SimNode | null, generation: number): boolean {
    for (const node of this.nodes.values()) {
      const held = node === lost || node.status === 'dead' ? null : generationIn(node.core, id);
      if ((held !== null && held >= generation) || this.isOnDiskOf(node, id, generation)) return true;
    }
    return false;
  }

  private disksWith(id: JobId, generation: number): number {
    return [...this.nodes.values()].filter((node) => this.isOnDiskOf(node, id, generation)).length;
  }

  private isOnDiskOf({ disk }: SimNode, id: JobId, generation: number): boolean {
    return disk !== null && !this.disksGone.has(disk) && disk.holds(id, generation);
  }

  private fail(invariant: Invariant, node: SimNode, what: string): never {
    return this.options.fail(invariant, node.name, what);
  }
}

function nameOf({ spec, generation }: JobRecord): string {
  return `${spec.id}/${generation}`;
}

/** Null: it is not there. */
function generationIn({ jobs }: SimNode['core'], id: JobId): number | null {
  return jobs.ledger.get(id)?.generation ?? jobs.keeping.copies.get(id)?.copy.generation ?? null;
}

function isHeldBy(holder: SimNode | undefined, record: JobRecord): boolean {
  if (holder === undefined) return false;
  const { ledger, copies } = holder.core.jobs.keeping;
  return ledger.get(record.spec.id) === record || copies.get(record.spec.id)?.copy.owner === record.owner;
}
