import type { AttemptStart } from '../effects.js';
import { Fifo } from '../fifo.js';
import type { NodeId, RunId } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import type { AttemptKey, JobMessage, RefuseReason, StopReason } from '../messages.js';
import { NumberTable } from '../number-table.js';
import type { Outbox } from '../outbox.js';
import { type Payload, payloadBytes } from '../payload.js';
import { AttemptStream, isLasting } from './attempt-stream.js';
import type { JobsConfig } from './config.js';
import { type Debt, debtsByNode } from './debts.js';
import {
  type Account,
  type Held,
  newAccount,
  newHeld,
  type RanMessage,
  type RunMessage,
} from './executor-account.js';
import type { AttemptOutcome } from './record.js';
import { idleWindow } from './room.js';
import { RoomGrants } from './room-grants.js';
import { StartOrder } from './start-order.js';

export interface ExecutorOptions {
  readonly self: NodeId;
  readonly config: JobsConfig;
  readonly outbox: Outbox;
  readonly offersTask: (task: string) => boolean;
  /** Whether the job has ended, unknown to this owner of it, who is told. */
  readonly knowsEnd: (owner: NodeId, key: AttemptKey) => boolean;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  /** The attempt has ended, or is to stop. */
  readonly over: (run: RunId) => void;
}

/** The most attempts that one node takes, over all owners. */
const heldMax = 4 * limits.attemptsPerGrantMax;
/** Arguments of these; the attempt that goes over it is taken still. */
const heldBytesMax = 256 * 1024 * 1024;
/** How often time-outs are looked for; an attempt may run this much longer than it may. */
const timeoutCheckMs = 50;

/** Results sent to one owner and not acknowledged; the one that goes over it is sent still. */
const unacknowledgedBytesMax = 8 * 1024 * 1024;

/** The executor's side: grants room, takes attempts, has them run, and tells their owners how they ended. */
export class Executor {
  draining = false;
  private readonly accounts = new Map<NodeId, Account>();
  private readonly running = new NumberTable<Held>();
  private readonly order = new StartOrder();
  private heldBytes = 0;
  /** Attempts that have ended, and whose owners do not have all that they yielded. */
  private endingCount = 0;
  private nextRun = 1;
  private timeoutsDueMs = Number.POSITIVE_INFINITY;

  private readonly room: RoomGrants;

  constructor(private readonly options: ExecutorOptions) {
    const { accounts } = this;
    this.room = new RoomGrants({ ...options, accounts, hasRoom: () => this.hasRoom() });
  }

  /** Attempts taken and not ended. */
  get heldCount(): number {
    return this.running.size;
  }

  /** Nodes that something is kept for. */
  get ownerCount(): number {
    return this.accounts.size;
  }

  handleRun(owner: NodeId, message: RunMessage, now: Instant): void {
    const account = this.account(owner);
    // It came late, on a link that was given up: the owner has been told since that it isn't here, and has it run again.
    if (message.session < account.session) return;
    const refusal = this.refusalOf(owner, message);
    if (refusal !== null) {
      // What the owner was told is no longer so; the next grant says what is.
      account.told = 0;
      this.room.changed(now);
      this.options.deliver(owner, { type: 'refuse', key: message.key, reason: refusal });
      return;
    }
    const earlier = account.held.get(message.key.job);
    if (earlier !== undefined) this.fence(earlier);
    const held = newHeld(this.nextRun++, owner, message);
    account.held.set(message.key.job, held);
    this.running.set(held.run, held);
    this.heldBytes += held.bytes;
    const { task, args, priority, isolate } = message;
    const { job, attempt } = message.key;
    const start = {
      type: 'start_attempt',
      run: held.run,
      job,
      attempt,
      task,
      args,
      priority,
      isolate,
    } as const;
    if (this.order.take(start)) this.options.outbox.push(start);
    else held.isWaiting = true;
    this.room.changed(now);
  }

  handleStop(owner: NodeId, key: AttemptKey, reason: StopReason): void {
    const held = this.accounts.get(owner)?.held.get(key.job);
    if (held === undefined || !isOf(held, key)) return;
    if (reason === 'fenced') this.fence(held);
    else this.stop(held, reason);
  }

  /** The owner has every end up to this number. */
  handleRanAck(owner: NodeId, seq: number): void {
    const account = this.accounts.get(owner);
    if (account === undefined) return;
    for (
      let first = account.sent.peek();
      first !== undefined && first.seq <= seq;
      first = account.sent.peek()
    ) {
      account.sent.shift();
      account.sentBytes -= bytesOf(first);
    }
    this.sendEnds(owner, account);
  }

  attemptStarted(run: RunId, now: Instant): void {
    const held = this.running.get(run);
    if (held === undefined) return;
    held.hasStarted = true;
    this.tellStarted(held);
    held.endsAtMs = now.monotonicMs + held.timeoutMs;
    this.timeoutsDueMs = Math.min(
      this.timeoutsDueMs,
      Math.max(held.endsAtMs, now.monotonicMs + timeoutCheckMs),
    );
  }

  attemptEnded(run: RunId, outcome: AttemptOutcome, now: Instant): void {
    const held = this.running.get(run);
    if (held === undefined) return;
    this.running.delete(run);
    this.options.over(run);
    if (held.isLent) this.account(held.owner).lentCount--;
    this.heldBytes -= held.bytes;
    this.room.changed(now);
    this.startNext(this.order.ended(held.key.job, run), now);
    if (held.fenced) return;
    const account = this.account(held.owner);
    account.endedLately++;
    if (held.stream === null || !isLasting(outcome)) this.tellEnd(held, account, outcome);
    else {
      this.endingCount++;
      held.stream.end(outcome);
    }
  }

  /** A generator on this node has yielded. */
  attemptChunk(run: RunId, chunk: Payload): void {
    const held = this.running.get(run);
    if (held === undefined || held.fenced) return;
    if (!held.isStreamed) {
      this.options.outbox.push({ type: 'chunk_room', run, upTo: Number.MAX_SAFE_INTEGER });
      return;
    }
    if (held.stream === null) {
      held.stream = new AttemptStream(held.owner, held.key, this.options.deliver);
      this.options.outbox.push({ type: 'chunk_room', run, upTo: held.firstRoom });
    }
    held.stream.add(chunk);
  }

  /** An attempt that has not ended and is still wanted. */
  heldBy(run: RunId): Pick<Held, 'priority' | 'endsAtMs'> | null {
    const held = this.running.get(run);
    return held === undefined || held.isStopped ? null : held;
  }

  /** It waits for a job that it has begun, which may need a place here, or no longer. */
  setLent(run: RunId, isLent: boolean): void {
    const held = this.running.get(run);
    const account = held && this.accounts.get(held.owner);
    if (held === undefined || account === undefined || held.isLent === isLent) return;
    held.isLent = isLent;
    this.room.lent(held.owner, account, isLent ? 1 : -1);
  }

  /** The owner has all chunks up to this one, and room for more. */
  handleRoom(owner: NodeId, { key, number, upTo }: Extract<JobMessage, { type: 'stream_room' }>): void {
    const account = this.accounts.get(owner);
    const held = account?.held.get(key.job);
    if (account === undefined || held === undefined || held.stream === null || !isOf(held, key)) return;
    const { stream, run } = held;
    stream.taken(number);
    // What the owner doesn't have is kept here: it must not give room without end.
    const upToMax = stream.takenBytes + limits.itemWindowBytes;
    if (stream.outcome === null)
      this.options.outbox.push({ type: 'chunk_room', run, upTo: Math.min(upTo, upToMax) });
    else if (stream.isTaken) {
      this.endingCount--;
      this.tellEnd(held, account, stream.outcome);
    }
  }

  private tellEnd(held: Held, account: Account, outcome: AttemptOutcome): void {
    account.held.delete(held.key.job);
    const message: RanMessage = { type: 'ran', seq: account.nextSeq++, key: held.key, outcome };
    if (held.owner === this.options.self) {
      this.options.deliver(held.owner, message);
      return;
    }
    account.unsent.push(message);
    this.sendEnds(held.owner, account);
  }

  attemptProgress(run: RunId, value: string): void {
    const held = this.running.get(run);
    if (held !== undefined && !held.fenced) {
      this.options.deliver(held.owner, { type: 'progress', key: held.key, value });
    }
  }

  /** The owner asks what is here of its: what is held, ends it may have missed, and the room it has. */
  handleResync(owner: NodeId, seq: number): void {
    const account = this.account(owner);
    account.session = seq;
    account.told = this.hasRoom() ? idleWindow(this.options.config.concurrency) : 0;
    for (const message of account.unsent) account.sent.push(message);
    account.unsent = account.sent;
    account.sent = new Fifo();
    account.sentBytes = 0;
    const attempts = [...account.held.values()].map(({ key }) => key);
    for (const message of account.unsent) attempts.push(message.key);
    this.options.deliver(owner, { type: 'holding', seq, attempts, window: account.told });
    for (const held of account.held.values()) {
      this.tellStarted(held);
      held.stream?.sendAgain();
    }
    this.sendEnds(owner, account);
  }

  /** The owner's process is gone: nobody waits for what it sent here. */
  ownerGone(owner: NodeId, now: Instant): void {
    const account = this.accounts.get(owner);
    if (account === undefined) return;
    for (const held of account.held.values()) this.fence(held);
    this.accounts.delete(owner);
    // What the others may send grows by its share.
    this.room.changed(now);
  }

  /** No link for now. True when the owner has not acknowledged all ends: it has to hear them. */
  contactLost(owner: NodeId): boolean {
    const account = this.accounts.get(owner);
    if (account === undefined || owner === this.options.self) return false;
    const isWaiting = account.sent.length + account.unsent.length > 0;
    if (!isWaiting && account.held.size === 0) this.accounts.delete(owner);
    return isWaiting;
  }

  setDraining(draining: boolean, now: Instant): void {
    this.draining = draining;
    this.room.grantAll(now);
  }

  /** The time to drain is over: what still runs is stopped, and its owners run it elsewhere. */
  stopAll(): void {
    for (const held of this.running.values()) this.stop(held, 'shutdown');
  }

  /** Whether every end has been told and acknowledged. */
  isEmpty(): boolean {
    if (this.running.size + this.endingCount > 0) return false;
    for (const account of this.accounts.values())
      if (account.sent.length + account.unsent.length > 0) return false;
    return true;
  }

  tick(now: Instant): void {
    if (now.monotonicMs >= this.room.dueMs) this.room.grantAll(now);
    if (now.monotonicMs >= this.timeoutsDueMs) this.stopOverdue(now);
  }

  nextDeadlineMs(): number {
    return Math.min(this.room.dueMs, this.timeoutsDueMs);
  }

  /** Of the few that are isolated: should this process end, the owner must know which of them may have ended it. */
  private tellStarted({ owner, key, isIsolated, hasStarted, fenced }: Held): void {
    if (isIsolated && hasStarted && !fenced) this.options.deliver(owner, { type: 'started', key });
  }

  private sendEnds(owner: NodeId, account: Account): void {
    while (account.sentBytes < unacknowledgedBytesMax) {
      const message = account.unsent.shift();
      if (message === undefined) return;
      account.sent.push(message);
      account.sentBytes += bytesOf(message);
      this.options.deliver(owner, message);
    }
  }

  private refusalOf(owner: NodeId, message: RunMessage): RefuseReason | null {
    if (this.draining) return 'draining';
    if (!this.options.offersTask(message.task)) return 'unknown_task';
    const hasNone = this.isFull() || this.options.config.concurrency === 0;
    return hasNone || this.options.knowsEnd(owner, message.key) ? 'no_room' : null;
  }

  /** Without, it would only refuse what comes; the end of an attempt has it grant anew. */
  private hasRoom(): boolean {
    return !this.draining && !this.isFull();
  }

  private isFull(): boolean {
    return this.running.size >= heldMax || this.heldBytes >= heldBytesMax;
  }

  private fence(held: Held): void {
    held.fenced = true;
    if (held.stream !== null && held.stream.outcome !== null) this.endingCount--;
    const account = this.accounts.get(held.owner);
    if (account?.held.get(held.key.job) === held) account.held.delete(held.key.job);
    this.stop(held, 'fenced');
  }

  private stop(held: Held, reason: StopReason): void {
    held.isStopped = true;
    this.options.over(held.run);
    if (!held.isWaiting) this.options.outbox.push({ type: 'stop_attempt', run: held.run, reason });
  }

  /** An attempt of its job that was here before has stopped. */
  private startNext(start: AttemptStart | null, now: Instant): void {
    const held = start === null ? undefined : this.running.get(start.run);
    if (start === null || held === undefined) return;
    held.isWaiting = false;
    if (held.isStopped) this.attemptEnded(held.run, { type: 'stopped' }, now);
    else this.options.outbox.push(start);
  }

  private stopOverdue(now: Instant): void {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const held of this.running.values()) {
      if (held.endsAtMs === null) continue;
      if (held.endsAtMs > now.monotonicMs) nextMs = Math.min(nextMs, held.endsAtMs);
      else {
        held.endsAtMs = null;
        this.options.over(held.run);
        this.options.outbox.push({ type: 'stop_attempt', run: held.run, reason: 'timed_out' });
      }
    }
    this.timeoutsDueMs = Math.max(nextMs, now.monotonicMs + timeoutCheckMs);
    if (nextMs === Number.POSITIVE_INFINITY) this.timeoutsDueMs = nextMs;
  }

  private account(owner: NodeId): Account {
    let account = this.accounts.get(owner);
    if (account === undefined) {
      account = newAccount();
      this.accounts.set(owner, account);
    }
    return account;
  }

  /** What is kept for owners now, for checkers. */
  debts(): Debt[] {
    return [
      { kind: 'attempts held', count: this.running.size, node: null },
      { kind: 'attempts that end', count: this.endingCount, node: null },
      { kind: 'bytes held', count: this.heldBytes, node: null },
      ...debtsByNode('attempts held', this.accounts, ({ held }) => held.size),
      ...debtsByNode(
        'ends not acknowledged',
        this.accounts,
        ({ sent, unsent }) => sent.length + unsent.length,
      ),
    ];
  }
}

function isOf({ key: { epoch, attempt } }: Held, key: AttemptKey): boolean {
  return epoch === key.epoch && attempt === key.attempt;
}

function bytesOf({ outcome }: RanMessage): number {
  return outcome.type === 'done' ? payloadBytes(outcome.result) : 0;
}
