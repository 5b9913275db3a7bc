import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { ContactLoss, MemberRecord } from '../member.js';
import type { AttemptKey, JobMessage } from '../messages.js';
import type { Random } from '../random.js';
import { candidatesFor } from '../routing/candidates.js';
import { type ExecutorLoad, pickAffinity, pickLeastLoaded, pickRoundRobin } from '../routing/policies.js';
import { rendezvousFirst } from '../routing/rendezvous.js';
import { type Debt, debtsByNode } from './debts.js';
import { type Executor, isUrgent, newExecutor, noteSent, noteSettled } from './executor-view.js';
import { type JobClass, newJobClass } from './job-class.js';
import type { JobStreams } from './job-streams.js';
import type { Ledger } from './ledger.js';
import type { Reach } from './reach.js';
import { isDangerous, type JobRecord, keyOf } from './record.js';
import { classNameOf } from './spec.js';
import { Unreached } from './unreached.js';

export interface DispatcherOptions {
  readonly self: NodeId;
  readonly ledger: Ledger;
  readonly members: () => Iterable<MemberRecord>;
  readonly reach: Reach;
  readonly random: Random;
  readonly streams: Pick<JobStreams, 'firstRoom'>;
  /** To a peer, or to this node's own executor. */
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  /** An attempt of a job under which a node or a thread has ended: whoever keeps it is told where it runs, and `sendRun` is to follow. */
  readonly announce: (record: JobRecord) => void;
}

/**
 * The owner's half of handing out jobs: round-robin over the members that offer the task, meet its demands and have
 * granted room. Full or unreachable ones are skipped, never waited for, unless the job names one node.
 */
export class Dispatcher {
  private readonly executors = new Map<NodeId, Executor>();
  /** Members whose last link broke, as it does when a process ends; not: it was closed, or stays open and silent. */
  private readonly broken = new Set<NodeId>();
  private readonly classes = new Map<string, JobClass>();
  /** Those without jobs in line, in order of last use: kept for their cursor, the oldest dropped first. */
  private readonly idle = new Set<JobClass>();
  /** Those with jobs in line. */
  private readonly waiting = new Set<JobClass>();
  private membersVersion = 0;
  private resyncs = 0;
  readonly unreached: Unreached;
  /** Nothing is handed out: this node may not own its jobs any more. */
  isFrozen = false;
  private reachDueMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: DispatcherOptions) {
    this.unreached = new Unreached(options.reach);
  }

  /** Queues a job whose state is `queued`, and starts it if there is room. */
  enqueue(record: JobRecord, now: Instant, place: 'back' | 'front' = 'back'): void {
    const jobClass = this.classOf(record);
    this.idle.delete(jobClass);
    if (place === 'back') jobClass.line.push(record);
    else jobClass.line.pushFront(record);
    this.dispatch(jobClass, now);
  }

  /** A queued job was cancelled: its state has changed already. */
  forget(record: JobRecord): void {
    const jobClass = this.classes.get(classNameOf(record.spec));
    if (jobClass === undefined || record.place === null) return;
    jobClass.line.remove(record);
    if (jobClass.line.length === 0) this.rest(jobClass);
  }

  granted(node: NodeId, window: number, now: Instant): void {
    const executor = this.executor(node);
    // What is sent before it has answered a first resync, it would take for what was sent before that.
    if (executor.resync !== 0 || executor.session === 0) return;
    executor.window = window;
    this.dispatchWaiting(now);
  }

  /** A new link: nothing is sent until the executor has said what it holds. */
  resync(node: NodeId): void {
    const executor = this.executor(node);
    executor.window = 0;
    executor.resync = ++this.resyncs;
    this.broken.delete(node);
    this.unreached.forget(node);
    this.setContact(executor, true);
    this.options.deliver(node, { type: 'resync', seq: executor.resync });
  }

  /** The link is whole, and something that was sent there or came from there is missing: only a node at fault causes that. */
  resyncAnew(node: NodeId): void {
    const executor = this.executors.get(node);
    if (executor?.hasContact && executor.resync === 0) this.resync(node);
  }

  /** Whether this is the answer to the latest resync: to an older one it would miss what was sent since. */
  resynced(node: NodeId, seq: number): boolean {
    const executor = this.executor(node);
    if (executor.resync !== seq) return false;
    executor.resync = 0;
    executor.session = seq;
    return true;
  }

  pressure(node: NodeId, congested: boolean, now: Instant): void {
    if (this.executors.get(node)?.congested === congested) return;
    this.executor(node).congested = congested;
    if (!congested) this.dispatchWaiting(now);
  }

  /** The attempt has ended or never started; its place at the executor is free. */
  settled(node: NodeId, record: JobRecord): void {
    const executor = this.executors.get(node);
    if (executor?.outstanding.has(record.spec.id)) noteSettled(executor, record);
  }

  /** No link for now: nothing is sent there, and what is outstanding waits for the link, for long enough, or for the node's death. */
  contactLost(node: NodeId, reason: ContactLoss, now: Instant): void {
    if (reason === 'reset' || reason === 'refused') this.broken.add(node);
    else this.broken.delete(node);
    const executor = this.executors.get(node);
    if (executor === undefined) return;
    if (executor.outstanding.size > 0) this.unreached.lost(node, now);
    executor.window = 0;
    executor.resync = 0;
    executor.congested = false;
    this.setContact(executor, false);
    // Of thousands of members that this node had a link to once, nothing is kept.
    if (executor.outstanding.size === 0) this.executors.delete(node);
  }

  /** It had less room than it was thought to have; its next grant says how much. */
  refused(node: NodeId): void {
    this.executor(node).window = 0;
  }

  /** The node was no member, and its link is gone: nothing was ever sent there. */
  forgetStranger(node: NodeId): void {
    this.broken.delete(node);
    this.executors.delete(node);
  }

  /** Nothing is outstanding there any more: what was. */
  executorGone(node: NodeId): { readonly records: JobRecord[]; readonly broke: boolean } {
    const executor = this.executors.get(node);
    this.executors.delete(node);
    this.unreached.forget(node);
    return { records: [...(executor?.outstanding.values() ?? [])], broke: this.broken.delete(node) };
  }

  /** Whether its last link broke, as it does when a process ends. */
  hasBroken(node: NodeId): boolean {
    return this.broken.has(node);
  }

  hasContact(node: NodeId): boolean {
    return this.executors.get(node)?.hasContact ?? false;
  }

  outstandingAt(node: NodeId): Iterable<JobRecord> {
    return this.executors.get(node)?.outstanding.values() ?? [];
  }

  /** Who is alive, draining or offers what has changed: candidates are found anew when next asked for. */
  membersChanged({ id }: MemberRecord, isNew: boolean, now: Instant): void {
    this.membersVersion++;
    // A new member without room gives no line a turn: so thousands of them, real or invented, cost next to nothing.
    const hasRoom = (this.executors.get(id)?.window ?? 0) > 0;
    if (!isNew || hasRoom) this.dispatchWaiting(now);
  }

  /**
   * After room was freed: lines that have jobs get their turn, a bounded number at a time and each in rotation, so
   * that a hundred thousand lines for busy nodes cost one freed slot no more than a few of them. `tick` goes on.
   */
  dispatchWaiting(now: Instant): void {
    let turns = Math.min(this.waiting.size, classesPerTurn);
    const rotate = this.waiting.size > classesPerTurn;
    for (const jobClass of this.waiting) {
      if (turns-- === 0) return;
      this.dispatch(jobClass, now);
      if (rotate && this.waiting.delete(jobClass)) this.waiting.add(jobClass);
    }
  }

  /** Every line, once nothing holds them back any more. */
  dispatchAll(now: Instant): void {
    for (const jobClass of [...this.waiting]) this.dispatch(jobClass, now);
  }

  /** Whether a job is in line for a node that is there, now or once it has room. */
  hasRunnable(): boolean {
    for (const jobClass of this.waiting) if (this.candidatesOf(jobClass).length > 0) return true;
    return false;
  }

  /** Whether a job in line is for such a node. */
  canRun(record: JobRecord): boolean {
    const jobClass = this.classes.get(classNameOf(record.spec));
    return jobClass !== undefined && this.candidatesOf(jobClass).length > 0;
  }

  /** Whether lines are left that `dispatchWaiting` may not have reached. */
  get hasManyWaiting(): boolean {
    return this.waiting.size > classesPerTurn;
  }

  private dispatch(jobClass: JobClass, now: Instant): void {
    while (jobClass.line.length > 0) {
      const index = this.isFrozen ? -1 : this.pickFor(jobClass);
      if (index < 0) {
        this.waiting.add(jobClass);
        if (this.options.reach.isSparse() && !this.isFrozen) this.reachFurther(jobClass, now);
        return;
      }
      const record = jobClass.line.shift();
      if (record === undefined) break;
      jobClass.cursor = index + 1;
      this.send(record, this.nearOf(jobClass)[index] as NodeId, now);
    }
    this.rest(jobClass);
  }

  /** Its line is empty. */
  private rest(jobClass: JobClass): void {
    this.waiting.delete(jobClass);
    this.idle.delete(jobClass);
    this.idle.add(jobClass);
    if (this.idle.size <= idleClassesMax) return;
    for (const oldest of this.idle) {
      this.idle.delete(oldest);
      this.classes.delete(oldest.name);
      return;
    }
  }

  private candidatesOf(jobClass: JobClass): readonly NodeId[] {
    if (jobClass.candidatesVersion !== this.membersVersion) {
      jobClass.candidates = candidatesFor(jobClass.demand, this.options.members());
      const { self, reach } = this.options;
      // Whom an affinity leads to doesn't depend on who has a link just now.
      const isNear = (node: NodeId): boolean =>
        node === self || this.executors.get(node)?.hasContact === true;
      const keepsAll = !reach.isSparse() || jobClass.policy === 'affinity';
      jobClass.near = keepsAll ? jobClass.candidates : jobClass.candidates.filter(isNear);
      jobClass.candidatesVersion = this.membersVersion;
    }
    return jobClass.candidates;
  }

  private nearOf(jobClass: JobClass): readonly NodeId[] {
    this.candidatesOf(jobClass);
    return jobClass.near;
  }

  /** Nobody near has room: links to some others are asked for, a few at a time, as long as jobs wait. */
  private reachFurther(jobClass: JobClass, now: Instant): void {
    const { reach, random } = this.options;
    const candidates = this.candidatesOf(jobClass);
    if (jobClass.policy === 'affinity') {
      const node = rendezvousFirst(jobClass.affinity ?? '', candidates);
      if (node !== null) reach.want(node);
      return;
    }
    if (candidates.length === jobClass.near.length || now.monotonicMs < this.reachDueMs) return;
    if (jobClass.demand.node === null) this.reachDueMs = now.monotonicMs + reachIntervalMs;
    for (let count = 0; count < reachMax; count++) {
      reach.want(candidates[random.below(candidates.length)] as NodeId);
    }
  }

  private setContact(executor: Executor, hasContact: boolean): void {
    if (executor.hasContact === hasContact) return;
    executor.hasContact = hasContact;
    if (this.options.reach.isSparse()) this.membersVersion++;
  }

  /** A job that goes before all that is outstanding somewhere is sent there beyond the window: what it goes before may wait for it. */
  private pickFor(jobClass: JobClass): number {
    const index = this.pick(jobClass, this.loadOf);
    const { firstPriority } = jobClass.line;
    if (index >= 0 || firstPriority <= 0) return index;
    return this.pick(jobClass, (node) => {
      const executor = this.executors.get(node);
      return executor !== undefined && isUrgent(executor, firstPriority) ? roomForOne : noRoom;
    });
  }

  private pick(jobClass: JobClass, loadOf: (node: NodeId) => ExecutorLoad): number {
    const candidates = this.nearOf(jobClass);
    const { cursor } = jobClass;
    switch (jobClass.policy) {
      case 'round-robin':
        return pickRoundRobin(candidates, cursor, loadOf);
      case 'least-loaded':
        return pickLeastLoaded(candidates, cursor, loadOf);
      case 'affinity':
        return pickAffinity(candidates, jobClass.affinity ?? '', loadOf);
    }
  }

  private send(record: JobRecord, to: NodeId, now: Instant): void {
    this.options.ledger.transition(record, 'running');
    record.attempt++;
    record.executor = to;
    record.startedAtMs = now.wallMs;
    record.progress = null;
    record.hasStarted = false;
    const executor = this.executor(to);
    noteSent(executor, record);
    const isKept = record.holders.length > 1 || record.spec.durable;
    if (record.fatalities > 0 && isKept) this.options.announce(record);
    else this.deliverRun(record, executor, to);
  }

  /** What was announced is known to all holders: it goes to its executor, if it is still to run there. */
  sendRun(record: JobRecord, { epoch, attempt }: AttemptKey): void {
    const executor = record.executor === null ? undefined : this.executors.get(record.executor);
    if (executor?.outstanding.get(record.spec.id) !== record) return;
    // A resync that is under way finds that it never came, and takes it back.
    if (executor.resync !== 0 || record.epoch !== epoch || record.attempt !== attempt) return;
    this.deliverRun(record, executor, record.executor as NodeId);
  }

  private deliverRun(record: JobRecord, executor: Executor, to: NodeId): void {
    const { spec } = record;
    this.options.deliver(to, {
      type: 'run',
      key: keyOf(record),
      task: spec.task,
      args: record.args ?? 'null',
      priority: spec.priority,
      timeoutMs: spec.timeoutMs,
      isolate: record.needsThread || isDangerous(record),
      session: executor.session,
      streams: true,
      room: this.options.streams.firstRoom(record),
    });
  }

  private readonly loadOf = (node: NodeId): ExecutorLoad => {
    const executor = this.executors.get(node);
    if (executor === undefined || executor.congested || executor.outstandingBytes >= outstandingBytesMax)
      return noRoom;
    return { window: executor.window, outstanding: executor.outstanding.size };
  };

  private executor(node: NodeId): Executor {
    let executor = this.executors.get(node);
    if (executor === undefined) {
      executor = newExecutor();
      this.executors.set(node, executor);
    }
    return executor;
  }

  private classOf(record: JobRecord): JobClass {
    const name = classNameOf(record.spec);
    let jobClass = this.classes.get(name);
    if (jobClass === undefined) {
      jobClass = newJobClass(name, record, this.options.self);
      this.classes.set(name, jobClass);
    }
    return jobClass;
  }

  /** What is kept for jobs and executors now, for checkers. */
  debts(): Debt[] {
    const { executors } = this;
    let inLine = 0;
    for (const { line } of this.classes.values()) inLine += line.length;
    return [
      { kind: 'jobs in line', count: inLine, node: null },
      { kind: 'lines with jobs', count: this.waiting.size, node: null },
      ...debtsByNode('attempts outstanding', executors, ({ outstanding }) => outstanding.size),
      ...debtsByNode('bytes outstanding', executors, ({ outstandingBytes }) => outstandingBytes),
      ...debtsByNode('resyncs not answered', executors, ({ resync }) => (resync === 0 ? 0 : 1)),
      ...debtsByNode('no room granted', executors, ({ window }) => (window === 0 ? 1 : 0)),
    ];
  }
}

/** So many links to further candidates are asked for in this time while jobs wait for room. */
const reachMax = 8;
const reachIntervalMs = 250;
/** Lines looked at for one freed place. */
const classesPerTurn = 64;
/** Lines without jobs that are remembered for their place in the round. */
const idleClassesMax = 1_024;
/** Arguments on their way to one executor; the job that goes over it is sent still. */
const outstandingBytesMax = 8 * 1024 * 1024;
const noRoom: ExecutorLoad = { window: 0, outstanding: 0 };
const roomForOne: ExecutorLoad = { window: 1, outstanding: 0 };
