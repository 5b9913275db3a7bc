import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { AskerTable } from './asker-table.js';
import type { Asks } from './asks.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import type { HeldBack } from './held-back.js';
import { arrayText, type JobRow, linesText, newestOf, rowsOfLines } from './job-rows.js';
import { JobWalks, type ListCommand, type Walk } from './job-walks.js';
import type { Ledger } from './ledger.js';
import type { MemberView } from './member-view.js';
import type { Asker } from './record.js';

export interface JobListingOptions {
  readonly self: NodeId;
  readonly config: JobsConfig;
  readonly members: MemberView;
  readonly ledger: Ledger;
  readonly heldBack: HeldBack;
  readonly asks: Asks;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

/** A list that a client of this node, or another node for its part of one, waits for. */
interface Listing {
  readonly command: ListCommand;
  readonly asker: Asker;
  /** What has come so far, of all nodes together. */
  rows: JobRow[];
  /** This node's own part; null once it is there, or before it is begun. */
  walk: Walk | null;
  readonly unasked: NodeId[];
  /** Of those that were asked and have not answered, the numbers of the asks. */
  readonly asked: Map<NodeId, number>;
  isOver: boolean;
}

/** Lists for clients that are made at once; more wait in line, and past that are refused. */
const listingsMax = 4;
const listingsWaitingMax = 256;
/** Nodes asked at once for one list, so that answers to be put together don't all come at once. */
const askedPerListingMax = 16;
/** Parts of lists that other nodes wait for. */
const peerListingsMax = 1_024;

/**
 * JOBS: a client sees the jobs of the whole cluster, the newest first; a peer asks for those of this node. Lists are
 * by far the most costly answers, so only a few are made at a time, at the asking node and at those that it asks.
 */
export class JobListing {
  private readonly walks: JobWalks;
  private readonly listings = new AskerTable<Listing>();
  private readonly underWay = new Set<Listing>();
  private readonly waiting = new Set<Listing>();
  private peerCount = 0;

  constructor(private readonly options: JobListingOptions) {
    this.walks = new JobWalks(options);
  }

  list(command: ListCommand, asker: Asker, now: Instant): void {
    const isPeer = asker.type === 'peer';
    const count = isPeer ? this.peerCount : this.waiting.size;
    if (count >= (isPeer ? peerListingsMax : listingsWaitingMax)) {
      const why = `node ${this.options.members.self().name} has ${count} lists of jobs to make`;
      this.options.answer(asker, errorReply('BUSY', `retry-after=1s ${why}`));
      return;
    }
    const listing: Listing = {
      command,
      asker,
      rows: [],
      walk: null,
      unasked: [],
      asked: new Map(),
      isOver: false,
    };
    this.listings.set(asker, listing);
    if (isPeer) {
      this.peerCount++;
      this.walk(listing, now);
    } else {
      this.waiting.add(listing);
      this.startNext(now);
    }
  }

  /** Whoever asked is gone. */
  abandon(asker: Asker): void {
    const listing = this.listings.get(asker);
    if (listing !== undefined) this.clear(listing);
  }

  /** This node ends: who waits for a list is told. */
  failAll(why: string): void {
    for (const listing of this.listings.values()) {
      this.clear(listing);
      this.options.answer(listing.asker, errorReply('UNAVAILABLE', why));
    }
  }

  tick(now: Instant): void {
    this.walks.tick(now);
    this.startNext(now);
  }

  nextDeadlineMs(): number {
    const canStart = this.waiting.size > 0 && this.underWay.size < listingsMax;
    return canStart ? Number.NEGATIVE_INFINITY : this.walks.nextDeadlineMs();
  }

  private startNext(now: Instant): void {
    for (const listing of this.waiting) {
      if (this.underWay.size >= listingsMax) return;
      this.waiting.delete(listing);
      this.underWay.add(listing);
      for (const { id, state } of this.options.members.all()) {
        // A suspect has its jobs still, and may only be slow.
        if (id !== this.options.self && (state === 'alive' || state === 'suspect')) listing.unasked.push(id);
      }
      this.walk(listing, now);
      this.askMore(listing, now);
    }
  }

  private walk(listing: Listing, now: Instant): void {
    let isWhole = false;
    const whole = (rows: JobRow[], at: Instant): void => {
      isWhole = true;
      listing.walk = null;
      this.add(listing, rows, at);
    };
    const walk = this.walks.start(listing.command, whole, now);
    if (!isWhole) listing.walk = walk;
  }

  private askMore(listing: Listing, now: Instant): void {
    const { asks, config } = this.options;
    while (!listing.isOver && listing.asked.size < askedPerListingMax) {
      const to = listing.unasked.pop();
      if (to === undefined) return;
      const answered = (reply: Reply, at: Instant): void => this.answered(listing, to, reply, at);
      // Before it is known by which number: a refusal comes at once.
      listing.asked.set(to, 0);
      const seq = asks.ask({ to, command: listing.command, now, timeoutMs: config.askTimeoutMs, answered });
      if (listing.asked.has(to)) listing.asked.set(to, seq);
    }
  }

  private answered(listing: Listing, from: NodeId, reply: Reply, now: Instant): void {
    if (listing.isOver) return;
    listing.asked.delete(from);
    const member = this.options.members.get(from);
    if (reply.ok) this.add(listing, rowsOfLines(reply.text, listing.command), now);
    else if (member?.state !== 'alive' && member?.state !== 'suspect') {
      // It is gone, and with it the jobs that it owned.
      this.add(listing, [], now);
    } else if (reply.code === 'BUSY') this.end(listing, reply, now);
    else {
      // A list that leaves out a node's jobs without a word would look whole.
      const why = `node ${member.name} did not list its jobs: ${reply.message}`;
      this.end(listing, errorReply('UNAVAILABLE', why), now);
    }
  }

  private add(listing: Listing, rows: JobRow[], now: Instant): void {
    listing.rows = newestOf([...listing.rows, ...rows], listing.command.limit);
    this.askMore(listing, now);
    if (listing.isOver || listing.walk !== null || listing.asked.size + listing.unasked.length > 0) return;
    const isPeer = listing.asker.type === 'peer';
    this.end(listing, okReply(isPeer ? linesText(listing.rows) : arrayText(listing.rows)), now);
  }

  private end(listing: Listing, reply: Reply, now: Instant): void {
    this.clear(listing);
    this.options.answer(listing.asker, reply);
    this.startNext(now);
  }

  /** Nothing is left of it, here or at the nodes that were asked. */
  private clear(listing: Listing): void {
    listing.isOver = true;
    this.listings.delete(listing.asker);
    if (listing.asker.type === 'peer') this.peerCount--;
    this.waiting.delete(listing);
    this.underWay.delete(listing);
    if (listing.walk !== null) this.walks.abandon(listing.walk);
    for (const seq of listing.asked.values()) if (seq !== 0) this.options.asks.abandon(seq);
    listing.asked.clear();
  }

  /** What is kept for clients now, for checkers. */
  debts(): Debt[] {
    return [{ kind: 'lists of jobs', count: this.listings.size, node: null }];
  }
}
