import type { NodeId } from '../ids.js';
import { isThere, type MemberView } from '../jobs/member-view.js';
import { limits } from '../limits.js';
import { isPresent, type MemberRecord } from '../member.js';
import { hashText } from '../random.js';
import { fitsPattern, isPattern, levelsOf, type Topic } from './topic.js';
import { hashOf, mayHold } from './topic-filter.js';
import type { InterestRecord, InterestVersion } from './topic-messages.js';

interface Held {
  readonly record: InterestRecord;
  /** Its patterns in levels; null: everything. */
  readonly patterns: readonly (readonly string[])[] | null;
}

/** Interest may come before the news of its node; of so many it is kept until then. */
const strangersMax = 256;
/** Topics of which it is remembered who wants them. */
const rememberedMax = 4_096;
const nobody: readonly NodeId[] = [];

/** What the other members want to be sent: one record each, of the process that is a member now. */
export class Interests {
  private readonly held = new Map<NodeId, Held>();
  private readonly strangers = new Map<NodeId, InterestRecord>();
  private readonly remembered = new Map<Topic, readonly NodeId[]>();
  private sum = 0;

  constructor(
    private readonly self: NodeId,
    private readonly members: MemberView,
  ) {}

  get size(): number {
    return this.held.size;
  }

  /** Modulo 2^32, over all that is known of other nodes. */
  get checksum(): number {
    return this.sum;
  }

  get(node: NodeId): InterestRecord | undefined {
    return this.held.get(node)?.record;
  }

  *records(): Iterable<InterestRecord> {
    for (const { record } of this.held.values()) yield record;
  }

  /** Whether it is news, and of a member: then it is kept from now on. */
  take(record: InterestRecord): boolean {
    if (record.node === this.self) return false;
    if (record.version > limits.interestVersionMax) return false;
    const member = this.members.get(record.node);
    if (member?.instance === record.instance) {
      const known = this.held.get(record.node)?.record;
      // No process has begun with a greater incarnation than it has.
      if (!isPresent(member) || record.start > member.incarnation) return false;
      if (known !== undefined && !isLater(record, known)) return false;
      this.hold(record);
      return true;
    }
    // An earlier process of a member never comes back; a later one, or another node, may be about to show itself.
    if (member !== undefined && record.start <= member.incarnation) return false;
    const stranger = this.strangers.get(record.node);
    if (stranger !== undefined && !isLater(record, stranger)) return false;
    this.strangers.delete(record.node);
    this.strangers.set(record.node, record);
    if (this.strangers.size > strangersMax)
      this.strangers.delete(this.strangers.keys().next().value as NodeId);
    return false;
  }

  /** What was known of it beforehand, and counts from now on. */
  memberChanged(member: MemberRecord): InterestRecord | null {
    const known = this.held.get(member.id)?.record;
    if (known !== undefined && (!isPresent(member) || known.instance !== member.instance)) this.drop(known);
    const stranger = this.strangers.get(member.id);
    if (stranger === undefined) return null;
    const isOfIt = stranger.instance === member.instance;
    if (!isOfIt && stranger.start > member.incarnation) return null;
    this.strangers.delete(member.id);
    if (!isOfIt || !isPresent(member) || stranger.start > member.incarnation) return null;
    this.hold(stranger);
    return stranger;
  }

  memberForgotten(node: NodeId): void {
    const known = this.held.get(node)?.record;
    if (known !== undefined) this.drop(known);
    this.strangers.delete(node);
  }

  /** The other nodes that may have subscribers to this topic, or to this very pattern. */
  wanting(name: Topic): readonly NodeId[] {
    const known = this.remembered.get(name);
    if (known !== undefined) return known;
    const found = isPattern(name) ? this.findPattern(name) : this.findTopic(name);
    if (this.remembered.size >= rememberedMax) this.remembered.clear();
    this.remembered.set(name, found);
    return found;
  }

  /** Whether this would be news to who knows `other` of the same node. */
  isNews(version: InterestVersion): boolean {
    if (version.node === this.self) return false;
    const known = this.held.get(version.node)?.record;
    if (known !== undefined) return isLater(version, known);
    return isThere(this.members, version.node);
  }

  private findTopic(topic: Topic): readonly NodeId[] {
    const hash = hashOf(topic);
    const levels = levelsOf(topic);
    let found: NodeId[] | null = null;
    for (const [node, { record, patterns }] of this.held) {
      const isWanted =
        patterns === null ||
        mayHold(record.filter, hash) ||
        patterns.some((pattern) => fitsPattern(levels, pattern));
      if (!isWanted) continue;
      if (found === null) found = [node];
      else found.push(node);
    }
    return found ?? nobody;
  }

  private findPattern(pattern: Topic): readonly NodeId[] {
    return [...this.records()]
      .filter(({ patterns }) => patterns === null || patterns.includes(pattern))
      .map(({ node }) => node);
  }

  private hold(record: InterestRecord): void {
    const known = this.held.get(record.node)?.record;
    if (known !== undefined) this.drop(known);
    this.held.set(record.node, { record, patterns: record.patterns?.map(levelsOf) ?? null });
    this.sum = (this.sum + checksumOf(record)) >>> 0;
    this.remembered.clear();
  }

  private drop(record: InterestRecord): void {
    this.held.delete(record.node);
    this.sum = (this.sum - checksumOf(record)) >>> 0;
    this.remembered.clear();
  }
}

/** Whether `a` was said after `b`, by the same node. */
export function isLater(a: InterestVersion, b: InterestVersion): boolean {
  return a.instance === b.instance ? a.version > b.version : a.start > b.start;
}

/** What a node's interest adds to the checksum; nothing when it was never told. */
export function checksumOf({ node, instance, version }: InterestVersion): number {
  return version === 0 ? 0 : hashText(`${node}/${instance}/${version}`);
}
