import { assertNever } from '../assert.js';
import type { NodeId } from '../ids.js';
import { limits } from '../limits.js';
import { isPresent, type MemberRecord } from '../member.js';
import type { MembershipMessage, Rumour } from '../messages.js';
import type { Random } from '../random.js';
import type { Beliefs } from './beliefs.js';
import type { MembershipConfig } from './config.js';
import {
  bucketCountFor,
  compareVersions,
  differingBuckets,
  listVersions,
  type VersionsMessage,
} from './versions.js';

export type AntiEntropyMessage = Extract<
  MembershipMessage,
  { type: 'digest' | 'sync' | 'buckets' | 'versions' | 'wanted' | 'records' }
>;

/** What comparing views needs from the rest of membership. */
export interface AntiEntropyContext {
  readonly config: MembershipConfig;
  readonly random: Random;
  readonly beliefs: Beliefs;
  send(to: NodeId, message: MembershipMessage): void;
}

/** Versions listed in one exchange, some 100 kB; what is left over is found by the next digests. */
const versionsPerExchangeMax = 4_096;
/** After so many lists of buckets without an answer, the other node is taken for one that doesn't know them. */
const unansweredMax = 2;
/** With the same difference as the last time, the next exchange waits twice as long, up to 2^this gaps. */
const fruitlessMax = 5;

/** What goes on with one peer. All of it may be lost at any time: it only bounds what a peer can make this node do. */
interface Exchange {
  digestSentMs: number;
  /** Nothing is begun with it before. */
  nextBeginMs: number;
  fruitlessCount: number;
  mine: number;
  theirs: number;
  unansweredCount: number;
  /** Buckets that it may list now, each once. */
  awaited: { readonly bucketCount: number; readonly buckets: Set<number>; readonly untilMs: number } | null;
  /** Its buckets are not looked at before. */
  nextListMs: number;
  /** Records that it may ask for, one for each version it was told. */
  owedCount: number;
}

/**
 * Finds what this node's view and a peer's differ in, and repairs both; see the arrows in `messages.ts`. Checksums come first,
 * then versions of what differs, then records of what is newer, so that the cost follows the difference and not the
 * cluster's size. Each step stands for itself and can be repeated; what a lost one leaves out, a later digest finds again.
 */
export class AntiEntropy {
  readonly #context: AntiEntropyContext;
  readonly #config: MembershipConfig;
  readonly #exchanges = new Map<NodeId, Exchange>();
  /** Set at the first tick, since before it the time is not known. */
  #digestAtMs: number | null = null;
  /** Until the next one: twice as long after each, and short again when there was something to repair. */
  #digestGapMs: number;
  /** Until it has synced and its comparisons are as far apart as ever, a node also takes in gone members that it has never heard of. */
  #adoptsGone = true;
  #hasSynced = false;

  constructor(context: AntiEntropyContext) {
    this.#context = context;
    this.#config = context.config;
    this.#digestGapMs = Math.min(context.config.joinDigestMs, context.config.digestIntervalMs);
  }

  get nextDeadlineMs(): number {
    return this.#digestAtMs ?? 0;
  }

  /** Whether a comparison is due; if so, the next one is a gap away. */
  startDigest(nowMs: number): boolean {
    const dueAtMs = this.#digestAtMs;
    if (dueAtMs !== null && nowMs < dueAtMs) return false;
    this.#digestAtMs = nowMs + this.#jittered(this.#digestGapMs);
    if (dueAtMs === null) return false;
    const { digestIntervalMs } = this.#config;
    if (this.#hasSynced && this.#digestGapMs === digestIntervalMs) this.#adoptsGone = false;
    this.#digestGapMs = Math.min(2 * this.#digestGapMs, digestIntervalMs);
    return true;
  }

  /** Where there was something to repair, there may be more, with others. */
  #digestSoon(nowMs: number): void {
    this.#digestGapMs = Math.min(this.#digestGapMs, this.#config.syncGapMs);
    this.#digestAtMs = Math.min(this.#digestAtMs ?? 0, nowMs + this.#jittered(this.#digestGapMs));
  }

  sendDigest(to: NodeId, nowMs: number): void {
    this.#exchangeWith(to).digestSentMs = nowMs;
    this.#context.send(to, { type: 'digest', checksum: this.#table.checksum });
  }

  /** Whether this node knows so little that it had better tell all of it, and ask for all, than compare. */
  get knowsFew(): boolean {
    return this.#table.records.size <= this.#config.handOverMembersMax;
  }

  /** All that this node knows, to a first contact, for all that it knows. */
  handOver(to: NodeId, nowMs: number): void {
    if (this.#begin(this.#exchangeWith(to), nowMs)) this.#sendAll(to, true);
  }

  /** The link to this node is gone, and what was on its way may be too. */
  forget(node: NodeId): void {
    this.#exchanges.delete(node);
  }

  handle(from: NodeId, message: AntiEntropyMessage, nowMs: number): void {
    switch (message.type) {
      case 'digest':
        this.#handleDigest(from, message.checksum, nowMs);
        break;
      case 'buckets':
        this.#handleBuckets(from, message.checksums, nowMs);
        break;
      case 'versions':
        this.#handleVersions(from, message, nowMs);
        break;
      case 'wanted':
        this.#handleWanted(from, message.nodes);
        break;
      case 'records':
        this.#handleRecords(message.members, nowMs);
        break;
      case 'sync':
        this.#handleSync(from, message, nowMs);
        break;
      default:
        assertNever(message);
    }
  }

  #handleDigest(from: NodeId, checksum: number, nowMs: number): void {
    const mine = this.#table.checksum;
    if (checksum === mine) return;
    const exchange = this.#exchangeWith(from);
    // Two digests that cross would have the same work done twice: the higher id answers.
    const isCrossing = nowMs < exchange.digestSentMs + this.#config.syncGapMs;
    if (isCrossing && this.#context.beliefs.self.id < from) return;
    if (nowMs < exchange.nextBeginMs) return;
    const isSame = exchange.mine === mine && exchange.theirs === checksum;
    exchange.fruitlessCount = isSame ? Math.min(fruitlessMax, exchange.fruitlessCount + 1) : 0;
    Object.assign(exchange, { mine, theirs: checksum });
    this.#begin(exchange, nowMs);
    if (exchange.unansweredCount >= unansweredMax) {
      exchange.unansweredCount = 0;
      this.#sendAll(from, true);
      return;
    }
    exchange.unansweredCount++;
    const bucketCount = bucketCountFor(this.#table.records.size);
    const buckets = new Set(Array.from({ length: bucketCount }, (_, bucket) => bucket));
    exchange.awaited = { bucketCount, buckets, untilMs: nowMs + this.#config.digestIntervalMs };
    this.#context.send(from, { type: 'buckets', checksums: this.#table.bucketChecksums(bucketCount) });
  }

  #handleBuckets(from: NodeId, theirs: readonly number[], nowMs: number): void {
    const exchange = this.#exchangeWith(from);
    if (nowMs < exchange.nextListMs) return;
    const bucketCount = theirs.length;
    const differing = differingBuckets(this.#table.bucketChecksums(bucketCount), theirs);
    if (differing.length === 0) return;
    exchange.nextListMs = nowMs + this.#config.syncGapMs;
    exchange.owedCount = 0;
    // What has no place in this exchange has one in another: each begins somewhere else.
    const first = this.#context.random.below(differing.length);
    const buckets = [...differing.slice(first), ...differing.slice(0, first)];
    const messages = listVersions(
      this.#table.records.values(),
      { bucketCount, buckets },
      versionsPerExchangeMax,
    );
    for (const message of messages) {
      exchange.owedCount += message.versions.length;
      this.#context.send(from, message);
    }
  }

  #handleVersions(from: NodeId, message: VersionsMessage, nowMs: number): void {
    const exchange = this.#exchangeWith(from);
    const { awaited } = exchange;
    if (awaited === null || nowMs >= awaited.untilMs || awaited.bucketCount !== message.bucketCount) return;
    const buckets = message.buckets.filter((bucket) => awaited.buckets.delete(bucket));
    if (buckets.length === 0) return;
    exchange.unansweredCount = 0;
    if (awaited.buckets.size === 0) exchange.awaited = null;
    const { newer, older } = compareVersions(this.#table.records.values(), { ...message, buckets });
    if (newer.length + older.length > 0 && exchange.fruitlessCount === 0) this.#digestSoon(nowMs);
    this.#sendRecords(from, newer.filter(isPresent));
    this.#sendGone(
      from,
      newer.filter((record) => !isPresent(record)),
    );
    const wanted: NodeId[] = [];
    for (const { id, incarnation, state } of older) {
      // That a known member is gone is said by its version alone.
      if (state === 'dead')
        this.#context.beliefs.hear({ type: 'dead', node: id, incarnation, accuser: id }, nowMs);
      else if (state === 'left') this.#context.beliefs.hear({ type: 'left', node: id, incarnation }, nowMs);
      else if (this.#table.roomFor(id) !== 'full') wanted.push(id);
    }
    if (wanted.length > 0) this.#context.send(from, { type: 'wanted', nodes: wanted });
  }

  #handleWanted(from: NodeId, nodes: readonly NodeId[]): void {
    const exchange = this.#exchanges.get(from);
    if (exchange === undefined) return;
    const granted = nodes.slice(0, exchange.owedCount);
    exchange.owedCount -= granted.length;
    this.#sendRecords(
      from,
      granted.flatMap((node) => this.#table.get(node) ?? []),
    );
  }

  #handleRecords(members: readonly MemberRecord[], nowMs: number): void {
    for (const record of members) this.#context.beliefs.hearRecord(record, { adoptGone: false, nowMs });
  }

  #handleSync(
    from: NodeId,
    { members, answerWanted }: { members: readonly MemberRecord[]; answerWanted: boolean },
    nowMs: number,
  ): void {
    const { beliefs } = this.#context;
    const adoptGone = this.#adoptsGone;
    if (adoptGone && !answerWanted) beliefs.learn(members, nowMs);
    else for (const record of members) beliefs.hearRecord(record, { adoptGone, nowMs });
    this.#hasSynced = true;
    if (answerWanted && this.#begin(this.#exchangeWith(from), nowMs)) this.#sendAll(from, false);
  }

  #jittered(intervalMs: number): number {
    return intervalMs * (0.75 + 0.5 * this.#context.random.next());
  }

  get #table(): Beliefs['table'] {
    return this.#context.beliefs.table;
  }

  /** Whether this node may begin something with the peer now; if so, it has. A peer that asks in a loop gets one a gap. */
  #begin(exchange: Exchange, nowMs: number): boolean {
    if (nowMs < exchange.nextBeginMs) return false;
    exchange.nextBeginMs = nowMs + this.#config.syncGapMs * 2 ** exchange.fruitlessCount;
    return true;
  }

  #sendAll(to: NodeId, answerWanted: boolean): void {
    const parts = partsOf([...this.#table.records.values()], limits.recordsPerMessageMax);
    for (const [index, members] of parts.entries()) {
      // An answer is wanted to the whole, so the last part asks for it.
      this.#context.send(to, {
        type: 'sync',
        members,
        answerWanted: answerWanted && index === parts.length - 1,
      });
    }
  }

  #sendRecords(to: NodeId, records: readonly MemberRecord[]): void {
    for (const members of partsOf(records, limits.recordsPerMessageMax))
      this.#context.send(to, { type: 'records', members });
  }

  /** Nobody is named as accuser: this node may only have heard of it. */
  #sendGone(to: NodeId, records: readonly MemberRecord[]): void {
    const rumours = records.map(({ id: node, incarnation, state }): Rumour => {
      return state === 'left'
        ? { type: 'left', node, incarnation }
        : { type: 'dead', node, incarnation, accuser: node };
    });
    for (const part of partsOf(rumours, limits.rumoursPerMessageMax))
      this.#context.send(to, { type: 'gossip', rumours: part });
  }

  #exchangeWith(node: NodeId): Exchange {
    const known = this.#exchanges.get(node);
    if (known !== undefined) return known;
    const exchange: Exchange = {
      digestSentMs: Number.NEGATIVE_INFINITY,
      nextBeginMs: Number.NEGATIVE_INFINITY,
      fruitlessCount: 0,
      mine: 0,
      theirs: 0,
      unansweredCount: 0,
      awaited: null,
      nextListMs: Number.NEGATIVE_INFINITY,
      owedCount: 0,
    };
    this.#exchanges.set(node, exchange);
    return exchange;
  }
}

function partsOf<Item>(items: readonly Item[], sizeMax: number): Item[][] {
  const parts: Item[][] = [];
  for (let start = 0; start < items.length; start += sizeMax) parts.push(items.slice(start, start + sizeMax));
  return parts;
}
