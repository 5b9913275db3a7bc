import { assert } from '../assert.js';
import { type Deadline, Deadlines } from '../deadlines.js';
import { Fifo } from '../fifo.js';
import { type InstanceId, type JobId, type NodeId, originOf } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import { isPresent } from '../member.js';
import type { Outbox } from '../outbox.js';
import type { Reply } from '../reply.js';
import type { Asks } from './asks.js';
import type { Copies, Held } from './copies.js';
import type { JobCopy } from './copy.js';
import type { Custody } from './custody.js';
import type { Debt } from './debts.js';
import { GoneOwners } from './gone-owners.js';
import { type InquiryAnswer, parseInquiryAnswers, rankOnly } from './inquiries.js';
import { holdersAskedMax } from './job-search.js';
import type { Ledger } from './ledger.js';
import { isAlone, type MemberView } from './member-view.js';
import type { Placement } from './placement.js';
import type { Reach } from './reach.js';
import type { Replicator } from './replicator.js';

export interface TakeoverOptions {
  readonly self: NodeId;
  readonly instance: InstanceId;
  readonly members: MemberView;
  readonly ledger: Ledger;
  readonly copies: Copies;
  readonly custody: Custody;
  readonly placement: Placement;
  readonly replicator: Replicator;
  readonly asks: Asks;
  readonly reach: Reach;
  readonly outbox: Outbox;
}

/** A copy that several nodes are asked about. */
interface Review {
  readonly held: Held;
  /** What was asked about: of a newer state, the answers say nothing. */
  readonly copy: JobCopy;
  /** The owner alone is asked, and not the other holders. */
  readonly ofOwner: NodeId | null;
  open: number;
  readonly answers: Map<NodeId, InquiryAnswer | 'silent'>;
}

/** Copies looked at in one turn, and asked about at once. */
const reviewsPerTick = 1_000;
const reviewsMax = 8 * limits.inquiryItemsMax;
/** How much longer each further holder waits before it takes a job over. */
const rankDelayMs = 1_500;
const retryMs = 1_000;
const followMsMax = 15_000;
const awayMs = 5_000;
const reviewAgainMs = 3_000;
const inquiryTimeoutMs = 3_000;
/** After its start a node waits so long for holders that it has not met yet. */
const graceMs = 5_000;
/** A better placed holder that has a job and doesn't take it over, or one that never answers, is waited for no longer. */
const patienceMs = 15_000;
/**
 * Jobs whose owner is gone, or may have forgotten them: the first of their holders that is there goes on with them, once it
 * has asked the other ones what they know. So does a node that comes back to jobs of its own.
 */
export class Takeover {
  private readonly queue = new Fifo<Held>();
  private readonly later = new Deadlines<Held>();
  private readonly gone = new GoneOwners();
  /** Until when those wait that are in no queue. */
  private readonly waiting = new Map<Held, Deadline<Held>>();
  /** Owners that have said that they don't know some job. */
  private readonly denied = new Map<Held, NodeId>();
  private readonly hints = new Map<Held, NodeId>();
  private readonly since = new Map<Held, number>();
  /** When an owner first had a newer state, which has not come yet. */
  private readonly followedSince = new Map<Held, number>();
  private openReviews = 0;
  private reviewAgainMs = Number.POSITIVE_INFINITY;
  private startedAtMs = 0;
  /** Since they were told last: jobs that were this node's own before, and jobs of others. */
  private adopted = { own: 0, others: 0 };

  constructor(private readonly options: TakeoverOptions) {}

  /**
   * What the journal had: nothing of it is certain before the others have been heard. `isAfterCrash`: this node's process before was ended,
   * and a job may have done it.
   */
  start(now: Instant, isAfterCrash: boolean): void {
    this.startedAtMs = now.monotonicMs;
    if (isAfterCrash) this.gone.note(this.options.self, 'this node', now);
    this.reviewAll();
  }

  /** What came while this node stood still may be read only now, and be an old state by then: so all is looked at twice. */
  stoodStill(now: Instant): void {
    this.reviewAll();
    this.reviewAgainMs = now.monotonicMs + reviewAgainMs;
  }

  private reviewAll(): void {
    for (const held of this.options.copies.values()) this.review(held);
  }

  reviewJob(job: JobId): void {
    const held = this.options.copies.get(job);
    if (held !== undefined) this.review(held);
  }

  /** `suspect`: its end may have been a job's doing, and it is called that. */
  ownerGone(node: NodeId, suspect: string | null, now: Instant): void {
    this.gone.note(node, suspect, now);
    this.reviewAllOf(node);
  }

  /** It is there again, and may have forgotten jobs, or given them to others meanwhile. */
  ownerBack(node: NodeId, suspect: string | null, now: Instant): void {
    if (suspect === null) this.gone.forget(node);
    else this.gone.note(node, suspect, now);
    this.reviewAllOf(node);
  }

  /** At once, also those that wait for an answer that may not come now. */
  private reviewAllOf(owner: NodeId): void {
    for (const held of this.options.copies.ownedBy(owner)) {
      const waiting = this.waiting.get(held);
      if (waiting !== undefined) {
        this.later.cancel(waiting);
        this.waiting.delete(held);
        held.inReview = false;
      }
      this.review(held);
    }
  }

  memberForgotten(node: NodeId): void {
    this.gone.forget(node);
  }

  /** Another node has a newer state of a job that this one thought its own. */
  deposed(held: Held, by: NodeId): void {
    if (by !== this.options.self) this.hints.set(held, by);
    this.review(held);
  }

  /** Its owner sends, and is taken for dead: mostly that is about to be contradicted. */
  reviewLater(held: Held, now: Instant): void {
    if (held.inReview) return;
    held.inReview = true;
    this.lookLater(held, awayMs, now);
  }

  private review(held: Held): void {
    if (held.inReview) return;
    held.inReview = true;
    this.queue.push(held);
  }

  tick(now: Instant): void {
    if (now.monotonicMs >= this.reviewAgainMs) {
      this.reviewAgainMs = Number.POSITIVE_INFINITY;
      this.reviewAll();
    }
    for (
      let held = this.later.takeDue(now.monotonicMs);
      held !== undefined;
      held = this.later.takeDue(now.monotonicMs)
    ) {
      this.waiting.delete(held);
      this.queue.push(held);
    }
    const asked = new Map<NodeId, Review[]>();
    for (let count = 0; count < reviewsPerTick && this.openReviews < reviewsMax; count++) {
      const held = this.queue.shift();
      if (held === undefined) break;
      this.look(held, asked, now);
    }
    for (const [node, reviews] of asked) this.inquire(node, reviews, now);
    if (this.queue.length === 0) this.tellAdopted();
  }

  nextDeadlineMs(): number {
    const canGoOn = this.queue.length > 0 && this.openReviews < reviewsMax;
    return canGoOn ? Number.NEGATIVE_INFINITY : Math.min(this.later.nextMs(), this.reviewAgainMs);
  }

  private look(held: Held, asked: Map<NodeId, Review[]>, now: Instant): void {
    const { self, copies } = this.options;
    if (!copies.isHere(held)) {
      this.close(held);
      return;
    }
    const { copy } = held;
    const owner = this.hints.get(held) ?? copy.owner;
    const isDenied = this.denied.get(held) === owner;
    if (owner !== self && this.isThere(owner) && !isDenied) {
      this.ask({ held, copy, ofOwner: owner, open: 1, answers: new Map() }, [owner], asked);
      return;
    }
    const isYoung = now.monotonicMs < this.startedAtMs + graceMs;
    if (isYoung && this.mayBeKnownElsewhere(copy)) {
      this.lookLater(held, retryMs / 2, now);
      return;
    }
    const others = this.knowers(copy).filter((node) => node !== owner && this.isThere(node));
    const dueMs = this.dueMs(held, owner);
    if (now.monotonicMs < dueMs) this.lookLater(held, dueMs - now.monotonicMs, now);
    else if (others.length === 0) this.adopt(held, now);
    else this.ask({ held, copy, ofOwner: null, open: others.length, answers: new Map() }, others, asked);
  }

  /** By a node that this one has not met yet. What has a key may have been taken anew meanwhile, by any. */
  private mayBeKnownElsewhere({ spec, owner, holders }: JobCopy): boolean {
    const { self, members, reach } = this.options;
    if ([owner, ...holders].some((node) => node !== self && this.isUnmet(node))) return true;
    return originOf(spec.id) === null && reach.seeksOthers && isAlone(members);
  }

  /**
   * Who may know the job: its holders, by this copy, which may be an old one; those that would hold it now, as they do if its owner
   * has seen that the others were gone; and of one with a key, those of whom one took the key while all of these were away.
   */
  private knowers({ spec, holders }: JobCopy): NodeId[] {
    const { self, placement } = this.options;
    const count = originOf(spec.id) === null ? holdersAskedMax : spec.copies;
    const likely = placement.choose(spec.id, count, false);
    return [...new Set([...holders, ...likely])].filter((node) => node !== self);
  }

  /** The first holder that is there goes on at once, each further one a little later. */
  private dueMs({ copy }: Held, owner: NodeId): number {
    const { self } = this.options;
    const there = copy.holders.filter((node) => node === self || (node !== owner && this.isThere(node)));
    const rank = Math.max(0, there.indexOf(self));
    return this.gone.goneAtMs(owner) + rank * rankDelayMs;
  }

  private ask(review: Review, nodes: readonly NodeId[], asked: Map<NodeId, Review[]>): void {
    this.openReviews++;
    for (const node of nodes) {
      const reviews = asked.get(node);
      if (reviews === undefined) asked.set(node, [review]);
      else reviews.push(review);
    }
  }

  private inquire(node: NodeId, reviews: readonly Review[], now: Instant): void {
    for (let first = 0; first < reviews.length; first += limits.inquiryItemsMax) {
      const part = reviews.slice(first, first + limits.inquiryItemsMax);
      const items = part.map(({ held: { copy } }) => ({
        ...rankOnly(copy),
        job: copy.spec.id,
        instance: copy.instance,
        isDurable: copy.spec.durable,
      }));
      const answered = (reply: Reply, now: Instant): void => {
        const answers = reply.ok ? parseInquiryAnswers(reply.text, part.length) : null;
        for (const [index, review] of part.entries())
          this.heard(review, node, answers?.[index] ?? 'silent', now);
      };
      const command = { type: 'inquire', items } as const;
      this.options.asks.ask({ to: node, command, now, timeoutMs: inquiryTimeoutMs, answered });
    }
  }

  private heard(review: Review, node: NodeId, answer: InquiryAnswer | 'silent', now: Instant): void {
    review.answers.set(node, answer);
    if (--review.open > 0) return;
    this.openReviews--;
    if (!this.options.copies.isHere(review.held)) this.close(review.held);
    else if (review.held.copy !== review.copy) this.lookLater(review.held, 0, now);
    else if (review.ofOwner === null) this.decide(review, now);
    else this.heardOwner(review.held, review.ofOwner, answer, now);
  }

  private heardOwner(held: Held, owner: NodeId, answer: InquiryAnswer | 'silent', now: Instant): void {
    const { replicator } = this.options;
    switch (answer) {
      case 'same':
        if (owner === held.copy.owner) this.close(held);
        else {
          // It only holds the job, too.
          this.hints.delete(held);
          this.lookLater(held, 0, now);
        }
        return;
      case 'older':
        // What it has lost, it gets back.
        replicator.push(owner, held.copy);
        this.lookLater(held, retryMs, now);
        return;
      case 'released':
      case 'gone':
        this.letGo(held);
        return;
      case 'unknown':
        this.denied.set(held, owner);
        this.lookLater(held, 0, now);
        return;
      case 'silent':
        this.lookLater(held, retryMs, now);
        return;
      default:
        // It has a newer state, and sends it, or it knows who has.
        this.follow(held, answer.slice('newer '.length), now);
    }
  }

  private follow(held: Held, owner: NodeId, now: Instant): void {
    this.hints.set(held, owner);
    const sinceMs = this.followedSince.get(held) ?? now.monotonicMs;
    this.followedSince.set(held, sinceMs);
    // An owner that finds nobody else to hold its jobs would hear of all of them every second.
    this.lookLater(held, Math.min(followMsMax, Math.max(retryMs, (now.monotonicMs - sinceMs) / 2)), now);
  }

  private decide({ held, answers }: Review, now: Instant): void {
    const { self } = this.options;
    const { holders } = held.copy;
    const since = this.since.get(held) ?? now.monotonicMs;
    this.since.set(held, since);
    const isPatient = now.monotonicMs < since + patienceMs;
    for (const [node, answer] of answers) {
      if (answer === 'gone' || answer === 'released') {
        this.letGo(held);
        return;
      }
      const rank = holders.indexOf(node);
      const isBetterPlaced = rank >= 0 && rank < holders.indexOf(self) && answer !== 'unknown';
      if (answer.startsWith('newer ')) {
        const owner = answer.slice('newer '.length);
        // This is an outcome, and the later one its owner keeps no longer; that holder still has it.
        const isForgotten = held.copy.state !== 'waiting' && this.denied.get(held) === owner && !isPatient;
        return isForgotten ? this.letGo(held) : this.follow(held, owner, now);
      }
      if (isPatient && this.isThere(node) && (answer === 'silent' || isBetterPlaced))
        return this.lookLater(held, retryMs, now);
    }
    this.adopt(held, now);
  }

  /** The job is over, or others hold it. */
  private letGo(held: Held): void {
    const { self, copies, custody } = this.options;
    this.close(held);
    if (held.copy.owner === self) custody.releaseHolders(held.copy, []);
    copies.remove(held);
  }

  private adopt(held: Held, now: Instant): void {
    const { copy } = held;
    assert(this.options.ledger.get(copy.spec.id) === undefined, `job ${copy.spec.id} is owned and held`);
    const isOwn = copy.owner === this.options.self && copy.instance === this.options.instance;
    const suspect = isOwn ? null : this.gone.suspicionOf(copy, now);
    this.close(held);
    if (copy.state === 'waiting') this.adopted[copy.owner === this.options.self ? 'own' : 'others']++;
    this.options.custody.adopt(held, suspect, now);
  }

  private tellAdopted(): void {
    const { outbox } = this.options;
    const { own, others } = this.adopted;
    if (own + others === 0) return;
    this.adopted = { own: 0, others: 0 };
    if (own > 0) outbox.log('info', `goes on with unfinished jobs of its own: ${own}`, { count: own });
    if (others > 0)
      outbox.log('warn', `goes on with unfinished jobs whose owner is gone: ${others}`, { count: others });
  }

  private lookLater(held: Held, delayMs: number, now: Instant): void {
    this.waiting.set(held, this.later.add(now.monotonicMs + delayMs, held));
  }

  private close(held: Held): void {
    held.inReview = false;
    this.denied.delete(held);
    this.hints.delete(held);
    this.since.delete(held);
    this.followedSince.delete(held);
  }

  private isThere(node: NodeId): boolean {
    const member = this.options.members.get(node);
    return member !== undefined && isPresent(member);
  }

  private isUnmet(node: NodeId): boolean {
    return this.options.members.get(node) === undefined;
  }

  debts(): Debt[] {
    return [
      { kind: 'copies in doubt', count: this.queue.length + this.later.size + this.openReviews, node: null },
    ];
  }
}
