import type { NodeEvent } from '../core/effects.js';
import type { InstanceId, JobId } from '../core/ids.js';
import type { JobCopy } from '../core/jobs/copy.js';
import type { JournalWrite } from '../core/jobs/journal-log.js';
import type { JournalStart } from '../core/jobs/keeping.js';
import type { Random } from '../core/random.js';
import { decodeCopy, encodeCopy } from '../protocol/copy-codec.js';
import { nestedFields } from '../protocol/peer-fields.js';
import type { SimTime } from './sim-time.js';

export const usualSyncMs: readonly [min: number, max: number] = [0.2, 8];

interface Slot {
  readonly id: JobId;
  readonly generation: number;
  readonly values: readonly unknown[];
}

/** What a node's journal has on its disk: what any number of its processes have synced. */
export class SimJournalDisk {
  private readonly slots = new Map<number, Slot>();
  /** How many slots hold each job; one, but for moments of a change. */
  private readonly counts = new Map<JobId, number>();
  private lineage: InstanceId[] = [];
  /** Null: it takes writes. Else what the system says: ENOSPC, EIO. */
  trouble: string | null = null;
  /** How long a sync takes, drawn evenly. */
  syncMs: readonly [min: number, max: number] = usualSyncMs;
  /** Ends what a process has begun to write: it is over before the next one opens the journal. */
  underWay: (() => void) | null = null;

  /** What a process finds, and that it was there. */
  open(instance: InstanceId): JournalStart {
    this.underWay?.();
    this.lineage.push(instance);
    const copies = [...this.slots].map(([slot, { values }]) => ({ slot, copy: read(values) }));
    return { copies, lineage: [...this.lineage] };
  }

  /** A record can't be read any more: it counts as missing, and nothing that is missing is known to be over. Null: there is none. */
  damage(random: Random): JobId | null {
    this.underWay?.();
    const slots = [...this.slots];
    if (slots.length === 0) return null;
    const [slot, { id }] = slots[random.below(slots.length)] as (typeof slots)[number];
    this.erase(slot);
    this.lineage = [];
    return id;
  }

  get isEmpty(): boolean {
    return this.slots.size === 0;
  }

  /** In this generation, or a later one. */
  holds(job: JobId, generation = 0): boolean {
    if (!this.counts.has(job)) return false;
    if (generation === 0) return true;
    for (const slot of this.slots.values()) if (slot.id === job && slot.generation >= generation) return true;
    return false;
  }

  put(slot: number, copy: JobCopy): void {
    this.erase(slot);
    this.slots.set(slot, { id: copy.spec.id, generation: copy.generation, values: encodeCopy(copy) });
    this.counts.set(copy.spec.id, (this.counts.get(copy.spec.id) ?? 0) + 1);
  }

  erase(slot: number): void {
    const held = this.slots.get(slot);
    if (held === undefined) return;
    this.slots.delete(slot);
    const count = (this.counts.get(held.id) ?? 0) - 1;
    if (count > 0) this.counts.set(held.id, count);
    else this.counts.delete(held.id);
  }

  /** Another one with the same on it, as of a copied directory. */
  copy(): SimJournalDisk {
    const copied = new SimJournalDisk();
    for (const [slot, held] of this.slots) copied.slots.set(slot, held);
    for (const [job, count] of this.counts) copied.counts.set(job, count);
    copied.lineage = [...this.lineage];
    return copied;
  }
}

function read(values: readonly unknown[]): JobCopy {
  return decodeCopy(nestedFields(values, 'journal', 0));
}

export interface SimJournalOptions {
  readonly disk: SimJournalDisk;
  readonly time: SimTime;
  readonly random: Random;
  readonly report: (event: NodeEvent) => void;
  readonly isDead: () => boolean;
  /** It says that a write is on disk before it is. */
  readonly skipsSync: boolean;
}

const recoveryCheckMs = 1_000;

/** A process's journal: writes are gathered while a sync is under way, and come onto the disk together or not at all. */
export class SimJournal {
  private waiting: { readonly seq: number; readonly writes: readonly JournalWrite[] }[] = [];
  private isBusy = false;
  private hasFailed = false;

  constructor(private readonly options: SimJournalOptions) {}

  write(seq: number, writes: readonly JournalWrite[]): void {
    this.waiting.push({ seq, writes });
    if (this.options.skipsSync) this.options.report({ type: 'journal_written', seq });
    if (!this.isBusy) this.sync();
  }

  private sync(): void {
    const { time, random, disk } = this.options;
    const batch = this.waiting;
    this.waiting = [];
    this.isBusy = true;
    const [minMs, maxMs] = disk.syncMs;
    const end = (): void => {
      if (disk.underWay !== end) return;
      disk.underWay = null;
      this.isBusy = false;
      // What is under way when a process ends may be on the disk or not, and it never heard.
      if (this.options.isDead() && random.below(2) === 0) return;
      if (disk.trouble !== null) {
        this.fail(disk.trouble);
        return;
      }
      for (const { writes } of batch)
        for (const { slot, copy } of writes) {
          if (copy === null) disk.erase(slot);
          else disk.put(slot, copy);
        }
      const last = batch.at(-1);
      if (last !== undefined && !this.options.skipsSync)
        this.options.report({ type: 'journal_written', seq: last.seq });
      if (this.waiting.length > 0 && !this.options.isDead()) this.sync();
    };
    disk.underWay = end;
    time.after(minMs + random.next() * (maxMs - minMs), end);
  }

  private fail(code: string): void {
    this.waiting = [];
    if (this.options.isDead()) return;
    if (!this.hasFailed) this.options.report({ type: 'journal_failed', code, message: code });
    this.hasFailed = true;
    this.options.time.after(recoveryCheckMs, () => this.lookAgain());
  }

  private lookAgain(): void {
    const { disk, time, report, isDead } = this.options;
    if (isDead()) return;
    if (disk.trouble === null) {
      this.hasFailed = false;
      report({ type: 'journal_recovered' });
    } else time.after(recoveryCheckMs, () => this.lookAgain());
  }
}
