import type { NodeId } from '../ids.js';
import type { MemberView } from '../jobs/member-view.js';
import { isPresent, type MemberRecord } from '../member.js';
import type { Random } from '../random.js';
import { checksumOf, Interests, isLater } from './interests.js';
import { OwnInterest, type OwnInterestOptions } from './own-interest.js';
import type { InterestRecord, InterestVersion, TopicMessage } from './topic-messages.js';

/** How often checksums are compared with a node drawn at random: so long a loss may go unnoticed. */
const compareIntervalMs = 10_000;
/** All that is known is listed no more often than this. */
const listGapMs = 250;
/** What one comparison sends: what is left is found by the next one. */
const sentBytesMax = 4 * 1024 * 1024;

export interface InterestExchangeOptions extends OwnInterestOptions {
  readonly members: MemberView;
  readonly random: Random;
  /** Whether there are members without a link to this node. */
  readonly isSparse: () => boolean;
  readonly send: (to: NodeId, message: TopicMessage) => void;
}

/**
 * Tells the other nodes what this one wants, and learns what they want. Where every node has a link to every other, each speaks for itself.
 * In a sparse mesh what is news is passed on over every link. What is lost is found by comparing checksums.
 */
export class InterestExchange {
  readonly own: OwnInterest;
  readonly others: Interests;
  /** Nodes that there is a link to. */
  private readonly contacts = new Set<NodeId>();
  private compareAtMs = Number.POSITIVE_INFINITY;
  private listedAtMs = Number.NEGATIVE_INFINITY;
  /** A node that knows something else, and is to be told so once enough time has passed since the last list. */
  private differs: NodeId | null = null;

  constructor(private readonly options: InterestExchangeOptions) {
    this.own = new OwnInterest(options);
    this.others = new Interests(options.node, options.members);
  }

  tick(nowMs: number): void {
    this.tellChanges(nowMs);
    if (this.differs !== null && nowMs >= this.listedAtMs + listGapMs) this.list(this.differs, true, nowMs);
    if (!this.knowsAny) this.compareAtMs = Number.POSITIVE_INFINITY;
    else if (this.compareAtMs === Number.POSITIVE_INFINITY) this.compareLater(nowMs);
    else if (nowMs >= this.compareAtMs) {
      this.compareWithAny();
      this.compareLater(nowMs);
    }
  }

  nextDeadlineMs(): number {
    const listMs = this.differs === null ? Number.POSITIVE_INFINITY : this.listedAtMs + listGapMs;
    const compareMs =
      this.knowsAny && this.compareAtMs === Number.POSITIVE_INFINITY
        ? Number.NEGATIVE_INFINITY
        : this.compareAtMs;
    return Math.min(this.own.nextDeadlineMs(), listMs, compareMs);
  }

  /** To be called after each change of what this node's clients subscribe to. */
  tellChanges(nowMs: number): void {
    const record = this.own.take(nowMs);
    if (record !== null) this.tellAll(record, null);
  }

  contactOpened(node: NodeId): void {
    this.contacts.add(node);
    if (this.own.record.version > 0) this.send(node, { type: 'interest', record: this.own.record });
    if (this.options.isSparse()) this.sendDigest(node);
  }

  contactLost(node: NodeId): void {
    this.contacts.delete(node);
    if (this.differs === node) this.differs = null;
  }

  memberChanged(member: MemberRecord, previous: MemberRecord | null): void {
    const adopted = this.others.memberChanged(member);
    if (adopted !== null) this.passOn(adopted, null);
    // What it said while it was taken for dead was passed over.
    const isBack = isPresent(member) && previous !== null && !isPresent(previous);
    if (isBack && this.contacts.has(member.id)) this.contactOpened(member.id);
    else if (isBack && this.options.isSparse()) this.compareWithAny();
  }

  memberForgotten(node: NodeId): void {
    this.others.memberForgotten(node);
  }

  take(from: NodeId, record: InterestRecord): void {
    if (record.node === this.options.node) this.own.outdo(record);
    else if (this.others.take(record)) this.passOn(record, from);
  }

  takeDigest(from: NodeId, checksum: number, nowMs: number): void {
    if (checksum === this.checksum) return;
    if (nowMs >= this.listedAtMs + listGapMs) this.list(from, true, nowMs);
    else this.differs = from;
  }

  takeVersions(
    from: NodeId,
    {
      versions,
      answerWanted,
    }: { readonly versions: readonly InterestVersion[]; readonly answerWanted: boolean },
    nowMs: number,
  ): void {
    const theirs = new Map(versions.map((version) => [version.node, version]));
    const ofThis = theirs.get(this.options.node);
    if (ofThis !== undefined) this.own.outdo(ofThis);
    let bytes = 0;
    for (const record of this.records()) {
      const known = theirs.get(record.node);
      // Its own as well: what was said of it that it has not said, it has to outdo.
      if (known !== undefined && !isLater(record, known)) continue;
      if (bytes > sentBytesMax) break;
      bytes += bytesOf(record);
      this.send(from, { type: 'interest', record });
    }
    if (answerWanted && versions.some((version) => this.others.isNews(version)))
      this.list(from, false, nowMs);
  }

  private get checksum(): number {
    return (this.others.checksum + checksumOf(this.own.record)) >>> 0;
  }

  private get knowsAny(): boolean {
    return this.others.size > 0 || this.own.record.version > 0;
  }

  private *records(): Iterable<InterestRecord> {
    if (this.own.record.version > 0) yield this.own.record;
    yield* this.others.records();
  }

  private list(to: NodeId, answerWanted: boolean, nowMs: number): void {
    if (answerWanted) {
      this.listedAtMs = nowMs;
      this.differs = null;
    }
    const versions = Array.from(this.records(), versionOf);
    this.send(to, { type: 'interest_versions', versions, answerWanted });
  }

  private passOn(record: InterestRecord, from: NodeId | null): void {
    if (this.options.isSparse()) this.tellAll(record, from);
  }

  private tellAll(record: InterestRecord, from: NodeId | null): void {
    const message = { type: 'interest', record } as const;
    for (const node of this.contacts) {
      if (node !== from && node !== record.node) this.send(node, message);
    }
  }

  private compareWithAny(): void {
    const contacts = [...this.contacts];
    const node = contacts[this.options.random.below(contacts.length)];
    if (node !== undefined) this.sendDigest(node);
  }

  private sendDigest(node: NodeId): void {
    if (this.knowsAny) this.send(node, { type: 'interest_digest', checksum: this.checksum });
  }

  /** Not all nodes at the same moment. */
  private compareLater(nowMs: number): void {
    this.compareAtMs = nowMs + compareIntervalMs * (0.75 + this.options.random.next() / 2);
  }

  private send(to: NodeId, message: TopicMessage): void {
    this.options.send(to, message);
  }
}

function versionOf({ node, instance, start, version }: InterestRecord): InterestVersion {
  return { node, instance, start, version };
}

function bytesOf({ patterns, filter }: InterestRecord): number {
  return 64 + filter.length + (patterns ?? []).reduce((bytes, pattern) => bytes + pattern.length, 0);
}
