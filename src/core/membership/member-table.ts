import { assert } from '../assert.js';
import type { NodeId } from '../ids.js';
import { limits } from '../limits.js';
import { isPresent, type MemberRecord } from '../member.js';
import { createNodeStore, type NodeNumbers, type NodeStore } from '../node-map.js';
import { hashText } from '../random.js';
import { bucketOf } from './versions.js';

/** All members by id, with what must be known of them at once: how many take part, their checksum, who is gone since when. */
export class MemberTable {
  readonly #membersMax: number;
  readonly #records: NodeStore<MemberRecord>;
  /** When each dead or left member became so, the longest gone first. */
  readonly #goneSinceMs = new Map<NodeId, number>();
  #presentCount = 0;
  #checksum = 0;
  /** The checksum of each of the finest buckets; their sum is the checksum of all. */
  readonly #bucketChecksums = new Uint32Array(limits.digestBucketsMax);

  constructor(membersMax: number, numbers: NodeNumbers | null = null) {
    this.#membersMax = membersMax;
    this.#records = createNodeStore(numbers);
  }

  get records(): ReadonlyMap<NodeId, MemberRecord> {
    return this.#records;
  }

  get presentCount(): number {
    return this.#presentCount;
  }

  /**
   * Over id and incarnation of every member that takes part, whatever order they came in. Dead and left ones don't count: each node
   * forgets them at a time of its own, and a suspect differs from an alive one only until it refutes or dies.
   */
  get checksum(): number {
    return this.#checksum;
  }

  /** The same over each of this many buckets, a power of two. */
  bucketChecksums(bucketCount: number): number[] {
    const sums = new Uint32Array(bucketCount);
    for (const [bucket, checksum] of this.#bucketChecksums.entries()) {
      const index = bucket & (bucketCount - 1);
      sums[index] = (sums[index] as number) + checksum;
    }
    return [...sums];
  }

  get(id: NodeId): MemberRecord | undefined {
    return this.#records.get(id);
  }

  goneSinceMs(id: NodeId): number | undefined {
    return this.#goneSinceMs.get(id);
  }

  /** Who must be forgotten to make room for one more; null when there is room, 'full' when all members take part. */
  roomFor(id: NodeId): MemberRecord | null | 'full' {
    if (this.#records.has(id) || this.#records.size < this.#membersMax) return null;
    for (const gone of this.#goneSinceMs.keys()) return this.#records.get(gone) ?? 'full';
    return 'full';
  }

  put(record: MemberRecord, nowMs: number): void {
    const { id } = record;
    this.#uncount(id);
    assert(this.#records.has(id) || this.#records.size < this.#membersMax, `no room for member ${id}`);
    this.#records.set(id, record);
    if (isPresent(record)) {
      this.#presentCount++;
      this.#addChecksum(id, entryChecksum(record));
    } else {
      this.#goneSinceMs.set(id, nowMs);
    }
  }

  remove(id: NodeId): void {
    this.#uncount(id);
    this.#records.delete(id);
  }

  /** Members that are gone since `thenMs` or longer. */
  goneBefore(thenMs: number): MemberRecord[] {
    const found: MemberRecord[] = [];
    for (const [id, sinceMs] of this.#goneSinceMs) {
      if (sinceMs > thenMs) break;
      const record = this.#records.get(id);
      if (record !== undefined) found.push(record);
    }
    return found;
  }

  #uncount(id: NodeId): void {
    this.#goneSinceMs.delete(id);
    const known = this.#records.get(id);
    if (known === undefined || !isPresent(known)) return;
    this.#presentCount--;
    this.#addChecksum(id, -entryChecksum(known));
  }

  #addChecksum(id: NodeId, change: number): void {
    const bucket = bucketOf(id, limits.digestBucketsMax);
    // Sums wrap around at 2^32, in the array by itself.
    this.#bucketChecksums[bucket] = (this.#bucketChecksums[bucket] as number) + change;
    this.#checksum = (this.#checksum + change) >>> 0;
  }
}

function entryChecksum(record: MemberRecord): number {
  return hashText(`${record.id}/${record.incarnation}`);
}
