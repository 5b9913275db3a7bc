import { Fifo } from '../fifo.js';
import type { NodeId } from '../ids.js';
import { chunkBytes } from '../item.js';
import { limits } from '../limits.js';
import type { Payload } from '../payload.js';
import type { Asker, JobRecord } from './record.js';

/** A request that follows a job. */
export interface Watcher {
  readonly asker: Asker;
  readonly stream: JobStream;
  /** The state that it was told last; null: nothing yet. */
  told: ToldState | null;
  progress: string | null;
  /** The attempt whose chunks it is told, and the last one of them. */
  epoch: number;
  attempt: number;
  chunk: number;
}

/** What a state item is made of. */
export type ToldState = Pick<JobRecord, 'state' | 'attempt' | 'owner' | 'executor'>;

interface Chunk {
  readonly payload: Payload;
  /** Bytes of the attempt up to its end. */
  readonly end: number;
}

/** What the latest attempt of one job has yielded, as its owner keeps it, and who follows it. */
export class JobStream {
  readonly watchers = new Set<Watcher>();
  epoch = 0;
  attempt = 0;
  private readonly chunks = new Fifo<Chunk>();
  /** Number of the chunk that came last; and of the last one that is not kept any more, with where it ended. */
  received = 0;
  lost = 0;
  private lostBytes = 0;
  receivedBytes = 0;
  /** The attempt has ended. */
  isComplete = false;
  /** The node that yields it, and up to where it was told to. */
  executor: NodeId | null = null;
  toldUpTo: number = limits.streamWindowBytesMin;

  constructor(readonly record: JobRecord) {
    this.followAttempt();
  }

  /** Bytes of the chunks that are kept. */
  get keptBytes(): number {
    return this.receivedBytes - this.lostBytes;
  }

  /** Its job runs anew: what the attempt before yielded is over. False when that is no news. */
  followAttempt(): boolean {
    const { epoch, attempt, state, executor } = this.record;
    // An attempt that never arrived at its executor is another one's under the same number.
    const isSame = epoch === this.epoch && attempt === this.attempt && executor === this.executor;
    if (state !== 'running' || isSame) return false;
    this.epoch = epoch;
    this.attempt = attempt;
    this.chunks.retain(() => false);
    this.received = 0;
    this.lost = 0;
    this.lostBytes = 0;
    this.receivedBytes = 0;
    this.isComplete = false;
    this.executor = executor;
    this.toldUpTo = limits.streamWindowBytesMin;
    return true;
  }

  /** Whether more has come than its executor had room for, even one that begins with a whole window unasked. */
  get isOverfull(): boolean {
    const room = Math.max(this.toldUpTo, limits.itemWindowBytes);
    return this.receivedBytes > room + limits.streamExcessBytesMax;
  }

  /** What it has taken, or may take yet, of the room of all streams, when all up to `needed` was told to those who follow. */
  claimedBytes(needed: number): number {
    if (this.watchers.size === 0) return 0;
    const isUnderWay = this.record.state === 'running' && !this.isComplete;
    const end = isUnderWay ? Math.max(this.toldUpTo, this.receivedBytes) : this.receivedBytes;
    return end - this.bytesTo(needed);
  }

  /** Null: the end. */
  add(chunk: Payload | null): void {
    if (chunk === null) {
      this.isComplete = true;
      this.received++;
      return;
    }
    this.received++;
    this.receivedBytes += chunkBytes(chunk);
    this.chunks.push({ payload: chunk, end: this.receivedBytes });
  }

  /** The chunk after this one, if it is here. */
  after(chunk: number): Payload | null {
    return this.chunks.at(chunk - this.lost)?.payload ?? null;
  }

  /** Bytes of the attempt up to the end of this chunk; of one that is not kept any more, up to the first that is. */
  bytesTo(chunk: number): number {
    if (chunk <= this.lost) return this.lostBytes;
    return this.chunks.at(chunk - this.lost - 1)?.end ?? this.receivedBytes;
  }

  /** Lets go of the oldest chunks until it keeps no more than that, but for those after `needed`. */
  trim(bytesMax: number, needed: number): void {
    while (this.keptBytes > bytesMax && this.lost < needed) {
      const oldest = this.chunks.shift();
      if (oldest === undefined) return;
      this.lost++;
      this.lostBytes = oldest.end;
    }
  }
}
