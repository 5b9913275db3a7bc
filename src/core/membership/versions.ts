import type { NodeId } from '../ids.js';
import { limits } from '../limits.js';
import { isPresent, type MemberRecord, type MemberVersion } from '../member.js';
import type { MembershipMessage } from '../messages.js';
import { hashText } from '../random.js';

export type VersionsMessage = Extract<MembershipMessage, { type: 'versions' }>;

/** Versions in one message, some 25 kB, so that it needs no chunks; a bucket is never parted. */
const versionsPerMessageMax = 1_024;
/** Members a bucket should have: with this many, a list of checksums costs about as much as the versions of one bucket. */
const membersPerBucket = 4;

/** Which of `bucketCount` buckets a member belongs to; the count is a power of two. */
export function bucketOf(id: NodeId, bucketCount: number): number {
  return hashText(id) & (bucketCount - 1);
}

/** How many buckets suit a list of this length: a power of two. */
export function bucketCountFor(memberCount: number): number {
  let count = 1;
  while (count < limits.digestBucketsMax && count * membersPerBucket < memberCount) count *= 2;
  return count;
}

/** The buckets whose checksums differ. */
export function differingBuckets(mine: readonly number[], theirs: readonly number[]): number[] {
  return mine.flatMap((checksum, bucket) => (checksum === theirs[bucket] ? [] : [bucket]));
}

/**
 * The versions of all members in these buckets, as messages. Buckets past `versionsMax` versions in all are left out, so
 * the order of `buckets` says which go first.
 */
export function listVersions(
  records: Iterable<MemberRecord>,
  { bucketCount, buckets }: { bucketCount: number; buckets: readonly number[] },
  versionsMax: number,
): VersionsMessage[] {
  const byBucket = new Map<number, MemberVersion[]>(buckets.map((bucket) => [bucket, []]));
  for (const { id, incarnation, state } of records) {
    byBucket.get(bucketOf(id, bucketCount))?.push({ id, incarnation, state });
  }
  const messages: VersionsMessage[] = [];
  let listed: number[] = [];
  let versions: MemberVersion[] = [];
  let versionCount = 0;
  const finish = (): void => {
    if (listed.length > 0) messages.push({ type: 'versions', bucketCount, buckets: listed, versions });
    listed = [];
    versions = [];
  };
  for (const [bucket, more] of byBucket) {
    versionCount += more.length;
    if (messages.length + listed.length > 0 && versionCount > versionsMax) break;
    if (versions.length + more.length > versionsPerMessageMax) finish();
    listed.push(bucket);
    versions.push(...more);
  }
  finish();
  return messages;
}

/** What two lists of the same buckets differ in. */
export interface Difference {
  /** This node's are newer, or the other has none. */
  readonly newer: MemberRecord[];
  /** The other's are newer, or this node has none. */
  readonly older: MemberVersion[];
}

/**
 * Compares what the other node has listed with what this one knows in the same buckets. Gone members that one side doesn't
 * know are no difference: each node forgets them at a time of its own. Nor is a suspicion: it ends soon in a difference or in none.
 */
export function compareVersions(records: Iterable<MemberRecord>, message: VersionsMessage): Difference {
  const { bucketCount } = message;
  const buckets = new Set(message.buckets);
  const theirs = new Map<NodeId, MemberVersion>();
  for (const version of message.versions) {
    if (buckets.has(bucketOf(version.id, bucketCount))) theirs.set(version.id, version);
  }
  const difference: Difference = { newer: [], older: [] };
  for (const record of records) {
    const version = theirs.get(record.id);
    if (version === undefined) {
      if (isPresent(record) && buckets.has(bucketOf(record.id, bucketCount))) difference.newer.push(record);
      continue;
    }
    theirs.delete(record.id);
    const order = compare(record, version);
    if (order > 0) difference.newer.push(record);
    if (order < 0) difference.older.push(version);
  }
  for (const version of theirs.values()) if (isPresent(version)) difference.older.push(version);
  return difference;
}

/** Over 0 if `a` is newer. */
function compare(a: MemberVersion, b: MemberVersion): number {
  return a.incarnation - b.incarnation || goneRank(a) - goneRank(b);
}

function goneRank({ state }: MemberVersion): number {
  if (state === 'left') return 2;
  return state === 'dead' ? 1 : 0;
}
