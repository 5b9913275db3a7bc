import { limits } from '../limits.js';
import type { JobStream } from './job-stream.js';

/**
 * How an owner shares out what all streams that somebody follows may take of its memory. A share that was given is not taken back, so
 * what is left counts too; but each stream always has a little, or those whose readers stand still would hold up all others.
 */
export class StreamRooms {
  private readonly claims = new Map<JobStream, number>();
  private claimedBytes = 0;

  /** What may be on its way of one stream, or wait here for those who follow it. */
  windowFor(stream: JobStream): number {
    const { streamsKeptBytesMax: total, streamWindowBytesMin, itemWindowBytes } = limits;
    const own = this.claims.get(stream);
    const share = total / (this.claims.size + (own === undefined ? 1 : 0));
    const left = total - this.claimedBytes + (own ?? 0);
    return Math.floor(Math.max(streamWindowBytesMin, Math.min(itemWindowBytes, share, left)));
  }

  /** 0: it takes nothing any more. */
  claim(stream: JobStream, bytes: number): void {
    this.claimedBytes += bytes - (this.claims.get(stream) ?? 0);
    if (bytes > 0) this.claims.set(stream, bytes);
    else this.claims.delete(stream);
  }

  /** What is claimed now, for checkers. */
  get size(): number {
    return this.claims.size;
  }
}
