import type { JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { Item } from '../item.js';
import { limits } from '../limits.js';
import type { JobMessage } from '../messages.js';
import type { Payload } from '../payload.js';
import { errorReply, type Reply } from '../reply.js';
import { outcomeReply } from './answers.js';
import { AskerTable } from './asker-table.js';
import type { Debt } from './debts.js';
import type { ItemsOut } from './items-out.js';
import { JobStream, type ToldState, type Watcher } from './job-stream.js';
import type { MemberView } from './member-view.js';
import { type Asker, isFinished, type JobRecord, type Waiter } from './record.js';
import { StreamRooms } from './stream-rooms.js';
import { fateText } from './waits.js';

type ChunkMessage = Extract<JobMessage, { type: 'stream_chunk' }>;

export interface JobStreamsOptions {
  readonly self: NodeId;
  readonly members: MemberView;
  readonly items: ItemsOut;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

/** What a stream costs beside its chunks. */
const streamBytes = 500;
/** Streams that are looked at when one has to go. */
const looksMax = 64;

/**
 * The owner's side of streams: takes what executors yield, keeps the last of it, and tells it to whoever follows the job, with its states.
 * The executor is given as much room as the slowest of these has taken; where nobody follows, it goes on and the oldest is let go.
 * Nothing of it is kept elsewhere: an attempt that is run anew streams anew.
 */
export class JobStreams {
  /** The one that was fed last comes last. */
  private readonly streams = new Map<JobId, JobStream>();
  private readonly watchers = new AskerTable<Watcher>();
  private readonly changed = new Set<JobStream>();
  /** Nodes that have had no link for long, and until when others have none: what follows a job there holds nothing up. */
  private readonly away = new Set<NodeId>();
  private readonly leaving = new Map<NodeId, number>();
  private readonly rooms = new StreamRooms();
  private keptBytes = 0;

  constructor(private readonly options: JobStreamsOptions) {}

  /** Tells how the job goes on from now, and in the end its outcome. */
  watch(record: JobRecord, asker: Asker): void {
    const stream = this.streamOf(record);
    const position = this.options.items.startOf(asker)?.after ?? { epoch: 0, attempt: 0, chunk: 0 };
    const watcher: Watcher = { asker, stream, told: null, progress: null, ...position };
    // Nobody has more than has come here: who says so would wait for what it was never told.
    watcher.chunk = Math.min(watcher.chunk, stream.received);
    this.watchers.set(asker, watcher);
    stream.watchers.add(watcher);
    this.changed.add(stream);
  }

  /** Whoever asked is gone. */
  remove(asker: Asker): void {
    const watcher = this.watchers.get(asker);
    if (watcher === undefined) return;
    this.watchers.delete(asker);
    watcher.stream.watchers.delete(watcher);
    this.changed.add(watcher.stream);
  }

  /** The job has another owner: who follows it here, and no longer does. */
  take(record: JobRecord): Waiter[] {
    const stream = this.streams.get(record.spec.id);
    if (stream === undefined) return [];
    const askers = [...stream.watchers].map(({ asker }) => asker);
    for (const asker of askers) this.remove(asker);
    this.drop(stream);
    return askers.map((asker) => ({ asker, wants: 'items', index: 0, deadline: null }));
  }

  /** This node ends, and what it owns with it. */
  failAll(why: string): void {
    for (const { asker, stream } of this.watchers.values()) {
      this.remove(asker);
      this.options.answer(asker, errorReply('UNAVAILABLE', `${why}; ${fateText(stream.record)}`));
    }
  }

  /** Something of the job has changed that who follows it is told. */
  recordChanged(record: JobRecord): void {
    if (this.streams.size === 0) return;
    const stream = this.streams.get(record.spec.id);
    if (stream !== undefined) this.changed.add(stream);
  }

  /** It takes more. */
  wanted(asker: Asker): void {
    const watcher = this.watchers.get(asker);
    if (watcher !== undefined) this.changed.add(watcher.stream);
  }

  /** An attempt of the job is about to be sent to its executor: what that one may send at first. */
  firstRoom(record: JobRecord): number {
    const stream = this.streams.size === 0 ? undefined : this.streams.get(record.spec.id);
    if (stream === undefined) return limits.streamWindowBytesMin;
    this.followAttempt(stream);
    // Of what nobody follows little is taken unasked: somebody may, before it comes.
    const isFollowed = stream.watchers.size > 0;
    stream.toldUpTo = isFollowed ? this.rooms.windowFor(stream) : limits.streamWindowBytesMin;
    this.rooms.claim(stream, stream.claimedBytes(stream.received));
    return stream.toldUpTo;
  }

  /** Of the attempt that runs now. One that is not the next has come before, or will come again. False when some before it have not come. */
  handleChunk(record: JobRecord, { number, chunk }: ChunkMessage): boolean {
    const stream = this.streamOf(record);
    this.followAttempt(stream);
    const isGapless = number <= stream.received + 1;
    if (number === stream.received + 1 && !stream.isComplete) this.keep(stream, chunk);
    if (chunk === null) this.tellRoom(stream);
    return isGapless;
  }

  private keep(stream: JobStream, chunk: Payload | null): void {
    const { id } = stream.record.spec;
    this.counting(stream, () => {
      const { isOverfull } = stream;
      stream.add(chunk);
      // An executor that heeds no room costs those who follow its job a gap, and this node no memory.
      if (isOverfull) stream.trim(0, stream.received);
    });
    this.streams.delete(id);
    this.streams.set(id, stream);
    this.changed.add(stream);
  }

  /** The executor has a new link, and may have missed it. */
  tellRoomAgain(record: JobRecord): void {
    const stream = this.streams.get(record.spec.id);
    if (stream === undefined) return;
    this.followAttempt(stream);
    if (stream.received > 0) this.tellRoom(stream);
  }

  contactLost(node: NodeId, now: Instant): void {
    if (this.watchers.size > 0) this.leaving.set(node, now.monotonicMs + limits.linkSilenceMs);
  }

  contactOpened(node: NodeId): void {
    this.leaving.delete(node);
    this.away.delete(node);
  }

  tick(now: Instant): void {
    for (const [node, dueMs] of this.leaving) {
      if (dueMs > now.monotonicMs) continue;
      this.leaving.delete(node);
      this.away.add(node);
      for (const { stream } of this.watchers.values()) this.changed.add(stream);
    }
  }

  nextDeadlineMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.leaving.values());
  }

  /** Something is to be told. */
  get hasChanges(): boolean {
    return this.changed.size > 0;
  }

  /** At the end of each step: tells all that has changed. */
  tellChanges(): void {
    for (const stream of this.changed) {
      this.changed.delete(stream);
      this.followAttempt(stream);
      for (const watcher of stream.watchers) this.tell(stream, watcher);
      const needed = this.needed(stream);
      this.giveRoom(stream, needed);
      this.letGo(stream, needed);
    }
    if (this.keptBytes > limits.streamsKeptBytesMax) this.letGoOldest();
    if (this.keptBytes > limits.streamsNeededBytesMax) this.letGoNeeded();
  }

  private followAttempt(stream: JobStream): void {
    this.counting(stream, () => stream.followAttempt());
  }

  /** Whatever changes what a stream keeps. */
  private counting(stream: JobStream, change: () => void): void {
    const before = stream.keptBytes;
    change();
    if (this.isKept(stream)) this.keptBytes += stream.keptBytes - before;
  }

  private isKept(stream: JobStream): boolean {
    return this.streams.get(stream.record.spec.id) === stream;
  }

  private tell(stream: JobStream, watcher: Watcher): void {
    const { items, answer } = this.options;
    for (;;) {
      const item = this.nextItem(stream, watcher);
      if (item === null) break;
      if (items.room(watcher.asker) === 0) return;
      this.note(stream, watcher, item);
      items.send(watcher.asker, item);
    }
    if (!isFinished(stream.record.state)) return;
    this.remove(watcher.asker);
    answer(watcher.asker, outcomeReply(stream.record));
  }

  /** What the watcher is to be told next: an attempt's state comes before what it yields, and its end after. */
  private nextItem(stream: JobStream, watcher: Watcher): Item | null {
    const { record, epoch, attempt } = stream;
    const isAnew = watcher.told === null || watcher.epoch !== epoch || watcher.attempt !== attempt;
    if (isAnew) return { type: 'state', text: this.stateText(record), epoch, attempt };
    if (record.progress !== null && record.progress !== watcher.progress)
      return { type: 'progress', text: record.progress };
    if (watcher.chunk < stream.lost) {
      const chunks = stream.lost - watcher.chunk;
      return { type: 'missed', text: JSON.stringify({ chunks, attempt }), chunk: stream.lost };
    }
    const payload = stream.after(watcher.chunk);
    if (payload !== null) return { type: 'data', payload, chunk: watcher.chunk + 1 };
    if (watcher.told !== null && isSameState(watcher.told, record)) return null;
    return { type: 'state', text: this.stateText(record), epoch, attempt };
  }

  private note(stream: JobStream, watcher: Watcher, item: Item): void {
    switch (item.type) {
      case 'state': {
        const isSame = watcher.epoch === stream.epoch && watcher.attempt === stream.attempt;
        if (!isSame) watcher.chunk = 0;
        watcher.epoch = stream.epoch;
        watcher.attempt = stream.attempt;
        watcher.told = stateOf(stream.record);
        return;
      }
      case 'progress':
        watcher.progress = item.text;
        return;
      case 'missed':
      case 'data':
        watcher.chunk = item.chunk;
    }
  }

  private stateText(record: JobRecord): string {
    const nameOf = (node: NodeId): string => this.options.members.get(node)?.name ?? node;
    const { spec, state, epoch, attempt, owner, executor } = record;
    return JSON.stringify({
      id: spec.id,
      state,
      epoch,
      attempt,
      owner: nameOf(owner),
      executor: executor === null ? null : nameOf(executor),
    });
  }

  /** The first chunk that somebody is still to be told comes after this one. */
  private needed(stream: JobStream): number {
    let needed = stream.received;
    for (const watcher of stream.watchers) {
      const { asker, told, epoch, attempt, chunk } = watcher;
      const isAway = asker.type === 'peer' && this.away.has(asker.node);
      // Who has been told nothing yet is not in its turn, and will be told what is kept then.
      if (told === null || isAway) continue;
      needed = Math.min(needed, epoch === stream.epoch && attempt === stream.attempt ? chunk : 0);
    }
    return needed;
  }

  private giveRoom(stream: JobStream, needed: number): void {
    if (stream.received > 0 && !stream.isComplete) {
      const windowBytes = this.rooms.windowFor(stream);
      const upTo = stream.bytesTo(needed) + windowBytes;
      if (upTo - stream.toldUpTo >= windowBytes / 4) {
        stream.toldUpTo = upTo;
        this.tellRoom(stream);
      }
    }
    if (this.isKept(stream)) this.rooms.claim(stream, stream.claimedBytes(needed));
  }

  private tellRoom(stream: JobStream): void {
    const { record, executor, epoch, attempt, received, toldUpTo } = stream;
    if (executor === null) return;
    const key = { job: record.spec.id, epoch, attempt };
    this.options.deliver(executor, { type: 'stream_room', key, number: received, upTo: toldUpTo });
  }

  private letGo(stream: JobStream, needed: number): void {
    const bytesMax = Math.min(limits.streamKeptBytes, this.rooms.windowFor(stream));
    this.counting(stream, () => stream.trim(bytesMax, needed));
    if (stream.watchers.size === 0 && stream.received === 0) this.drop(stream);
  }

  /** All streams take too much: those that were fed longest ago lose what nobody is still to be told. */
  private letGoOldest(): void {
    let looks = 0;
    for (const [job, stream] of this.streams) {
      if (this.keptBytes <= limits.streamsKeptBytesMax || ++looks > looksMax) return;
      this.counting(stream, () => stream.trim(0, this.needed(stream)));
      const isOver = stream.watchers.size === 0 && stream.record.state !== 'running';
      if (isOver) this.drop(stream);
      else {
        this.streams.delete(job);
        this.streams.set(job, stream);
      }
    }
  }

  /** That was not enough: those that were fed longest ago, as somebody who follows them reads slowly, lose that too. */
  private letGoNeeded(): void {
    for (const stream of this.streams.values()) {
      if (this.keptBytes <= limits.streamsNeededBytesMax) return;
      if (stream.keptBytes > 0) this.counting(stream, () => stream.trim(0, stream.received));
    }
  }

  private streamOf(record: JobRecord): JobStream {
    const { id } = record.spec;
    const known = this.streams.get(id);
    if (known?.record === record) return known;
    if (known !== undefined) this.drop(known);
    const stream = new JobStream(record);
    this.streams.set(id, stream);
    this.keptBytes += streamBytes;
    return stream;
  }

  private drop(stream: JobStream): void {
    this.changed.delete(stream);
    this.rooms.claim(stream, 0);
    if (!this.isKept(stream)) return;
    this.streams.delete(stream.record.spec.id);
    this.keptBytes -= streamBytes + stream.keptBytes;
  }

  /** What is kept for who follows a job now, for checkers. */
  debts(): Debt[] {
    let bytes = 0;
    for (const stream of this.streams.values()) bytes += streamBytes + stream.keptBytes;
    return [
      { kind: 'requests that follow a job', count: this.watchers.size, node: null },
      { kind: 'bytes of streams that were miscounted', count: bytes - this.keptBytes, node: null },
      { kind: 'streams that have room', count: this.rooms.size, node: null },
    ];
  }
}

function stateOf({ state, attempt, owner, executor }: JobRecord): ToldState {
  return { state, attempt, owner, executor };
}

function isSameState(told: ToldState, { state, attempt, owner, executor }: JobRecord): boolean {
  return (
    told.state === state && told.attempt === attempt && told.owner === owner && told.executor === executor
  );
}
