import type { InstanceId } from '../core/ids.js';
import type { JobCopy } from '../core/jobs/copy.js';
import type { JournalWrite } from '../core/jobs/journal-log.js';

export type { JournalWrite } from '../core/jobs/journal-log.js';

export interface JournalListener {
  /** All writes up to this number are on disk, synced. */
  written(seq: number): void;
  /**
   * From this number on nothing counts as on disk, and nothing will be until `recovered`; some of it may be there all the same.
   * `code`: as the system names it, ENOSPC for one.
   */
  failed(seq: number, code: string, message: string): void;
  /** It takes writes again; what failed is to be written anew by whoever still wants it. */
  recovered(): void;
}

/** What was found at the start. */
export interface JournalContents {
  readonly copies: readonly { readonly slot: number; readonly copy: JobCopy }[];
  /** Records that could not be read: their slots are free again, and other nodes' copies stand for them. */
  readonly damagedCount: number;
  /**
   * Processes of this node, the latest last, since which no record has been lost: what this node doesn't know of them, it has
   * finished. Begins anew where something was damaged.
   */
  readonly lineage: readonly InstanceId[];
}

/** A node's own disk: what it holds of jobs, by slot. Writes are gathered and synced in groups. */
export interface Journal {
  readonly contents: JournalContents;
  /**
   * Numbers rise by one with every call. Its end is told to the listener, in the order of the numbers. Where room is scarce, what is
   * written together may come onto the disk in parts, copies before erasures: a crash, or a full disk, may leave some of these alone.
   */
  write(seq: number, writes: readonly JournalWrite[]): void;
  /** Writes out what is under way, at most for so long. */
  close(): Promise<void>;
}
