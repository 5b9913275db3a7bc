import { RondoError } from '../core/errors.js';
import type { ClientItem } from './reply-decoder.js';

/** What is told of a job that is followed. */
export type JobItem = JobStateItem | JobProgressItem | JobDataItem | JobMissedItem;

export interface JobStateItem {
  readonly type: 'state';
  readonly id: string;
  readonly state: string;
  /** Rises with each new owner; 0 where the node doesn't say. */
  readonly epoch: number;
  readonly attempt: number;
  readonly owner: string | null;
  readonly executor: string | null;
}

export interface JobProgressItem {
  readonly type: 'progress';
  /** JSON text. */
  readonly value: string;
}

export interface JobDataItem {
  readonly type: 'data';
  /** JSON text, or raw bytes. */
  readonly value: string | Buffer;
  readonly attempt: number;
  /** Another number once the job has begun to yield anew. */
  readonly run: number;
}

export interface JobMissedItem {
  readonly type: 'missed';
  /** Null: nobody knows how many, nor whether there were any. */
  readonly chunks: number | null;
  readonly attempt: number;
  readonly run: number;
}

/**
 * How far one who follows a job has been told, whatever nodes tell it. A node that is asked anew tells from what it keeps: what was told
 * before is dropped here, and what it does not keep and nobody was told is a gap. What is yielded is counted for each run: an attempt
 * at an owner in its epoch, since the next owner of a job that is lost with the last one runs it anew, under the same number perhaps.
 */
export class WatchPlace {
  private runKey: string | null = null;
  private attempt = 0;
  private run = 0;
  /** The run that was told of last has begun to be counted. */
  private isBegun = true;
  /** Of this run: what was handed on or told as missed, and what the node that is asked now has told. */
  private handedOn = 0;
  private told = 0;
  /** This node has told of the run while it ran, so it tells all that follows. */
  private isFollowed = false;
  /** The end of the run came after all that it yielded. */
  private isComplete = false;
  /** It is not the first node, or not the first run. */
  private isResumed = false;

  /** Another node is asked, or the same one again. */
  resume(): void {
    this.told = 0;
    this.isFollowed = false;
    this.isResumed = true;
  }

  /** The job was submitted again, since nobody knew it: what it yields is counted anew. */
  restart(): void {
    this.resume();
    this.runKey = null;
    this.isBegun = false;
  }

  /** What of an item is news; null: nothing. Throws `BAD_REPLY`. */
  take({ kind, text, bytes }: ClientItem): JobItem | null {
    switch (kind) {
      case 'state':
        return this.takeState(text);
      case 'progress':
        return { type: 'progress', value: text };
      case 'data':
        return this.takeData(bytes ?? text);
      case 'missed':
        return this.takeMissed(text);
      default:
        return null;
    }
  }

  /** The job is done: what was missed without a word, as when its owner was lost together with what was yielded last; null: nothing. */
  end(): JobMissedItem | null {
    const isKnown = this.told >= this.handedOn && (this.told > 0 || this.isFollowed);
    if (!this.isResumed || this.isComplete || isKnown) return null;
    return this.missed(null);
  }

  private takeState(text: string): JobStateItem {
    const item = stateOf(text);
    const runKey = `${item.epoch} ${item.attempt} ${item.owner}`;
    if (runKey !== this.runKey) {
      if (this.runKey !== null) this.resume();
      this.runKey = runKey;
      this.isBegun = false;
      this.attempt = item.attempt;
    }
    if (item.state === 'running') {
      this.begin();
      this.isFollowed = true;
    } else if (isOver(item.state) && this.isFollowed) {
      this.isComplete = true;
    }
    return item;
  }

  private takeData(value: string | Buffer): JobDataItem | null {
    this.begin();
    if (++this.told <= this.handedOn) return null;
    this.handedOn = this.told;
    return { type: 'data', value, attempt: this.attempt, run: this.run };
  }

  private takeMissed(text: string): JobMissedItem | null {
    this.begin();
    const { chunks } = parsed(text);
    if (typeof chunks !== 'number' || !(chunks >= 0)) throw badItem('missed', text);
    this.told += chunks;
    const gap = this.told - this.handedOn;
    if (gap <= 0) return null;
    this.handedOn = this.told;
    return this.missed(gap);
  }

  private begin(): void {
    if (this.isBegun) return;
    this.isBegun = true;
    this.isComplete = false;
    this.run++;
    this.handedOn = 0;
  }

  private missed(chunks: number | null): JobMissedItem {
    return { type: 'missed', chunks, attempt: this.attempt, run: this.run };
  }
}

function isOver(state: string): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

function stateOf(text: string): JobStateItem {
  const { id, state, epoch, attempt, owner, executor } = parsed(text);
  if (typeof id !== 'string' || typeof state !== 'string' || typeof attempt !== 'number')
    throw badItem('state', text);
  const nameOf = (node: unknown): string | null => (typeof node === 'string' ? node : null);
  const known = typeof epoch === 'number' ? epoch : 0;
  return {
    type: 'state',
    id,
    state,
    epoch: known,
    attempt,
    owner: nameOf(owner),
    executor: nameOf(executor),
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below.
  }
  throw badItem('item', text);
}

function badItem(what: string, text: string): RondoError {
  return new RondoError('BAD_REPLY', `this is no ${what} of a job: ${JSON.stringify(text.slice(0, 60))}`);
}
