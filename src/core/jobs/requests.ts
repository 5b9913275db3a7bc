import { assertNever } from '../assert.js';
import type { NodeCommand, SubmitCommand } from '../commands.js';
import { Deadlines } from '../deadlines.js';
import type { InstanceId, JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import { isPresent } from '../member.js';
import type { PeerCommand } from '../messages.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { rendezvousFirst } from '../routing/rendezvous.js';
import { Admission, drainingReply } from './admission.js';
import { AfterChecks } from './after-checks.js';
import { AskerTable } from './asker-table.js';
import { type Asks, askedBytes } from './asks.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import type { HeldBack } from './held-back.js';
import type { ItemsOut } from './items-out.js';
import { JobListing } from './job-listing.js';
import { JobRequests, movedReply } from './job-requests.js';
import { type Findings, JobSearch } from './job-search.js';
import type { Keeping } from './keeping.js';
import { KeyCheck } from './key-check.js';
import type { Ledger } from './ledger.js';
import type { MemberView } from './member-view.js';
import type { Owner } from './owner.js';
import type { Asker } from './record.js';
import { idOfKey } from './submission.js';
import type { Waits } from './waits.js';

export interface RequestsOptions {
  readonly self: NodeId;
  readonly instance: InstanceId;
  readonly config: JobsConfig;
  readonly members: MemberView;
  readonly ledger: Ledger;
  readonly owner: Owner;
  readonly waits: Waits;
  readonly heldBack: HeldBack;
  readonly asks: Asks;
  readonly keeping: Keeping;
  readonly items: ItemsOut;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

/** A submission whose key is being looked for. */
interface Searching {
  /** Whoever asked is gone. */
  giveUp(): void;
}

interface LateSubmission {
  readonly command: SubmitCommand;
  readonly asker: Asker;
}

/** How soon a job is looked for again that is about to have another owner. */
const againMs = 200;

/** What clients ask about jobs, and other nodes for theirs: each goes to the part that answers it. */
export class Requests {
  private readonly search: JobSearch;
  private readonly listing: JobListing;
  readonly aboutJobs: JobRequests;
  private readonly admission: Admission;
  private readonly checking = new Map<JobId, KeyCheck>();
  private checkingBytes = 0;
  private readonly searching = new AskerTable<Searching>();
  private readonly lateSubmissions = new Deadlines<LateSubmission>();
  private readonly afterChecks: AfterChecks;
  private nextJob = 1;

  constructor(private readonly options: RequestsOptions) {
    this.search = new JobSearch(options);
    this.listing = new JobListing(options);
    this.admission = new Admission({ ...options, placement: options.keeping.placement });
    const { dependencies } = options.heldBack;
    this.afterChecks = new AfterChecks({ ...options, dependencies, searching: this.searching });
    const { search, admission } = this;
    this.aboutJobs = new JobRequests({ ...options, search, admission });
  }

  handle(command: NodeCommand, asker: Asker, now: Instant): void {
    switch (command.type) {
      case 'submit':
        return this.submit(command, asker, now);
      case 'wait':
      case 'watch':
      case 'status':
      case 'cancel':
      case 'retry':
        return this.aboutJobs.handle(command, asker, now);
      case 'jobs':
        return this.listing.list(command, asker, now);
      case 'nodes':
      case 'tasks':
      case 'info':
      case 'drain':
      case 'resume':
      case 'leave':
        this.options.answer(asker, errorReply('INTERNAL', `${command.type} is not about jobs`));
        return;
      default:
        assertNever(command);
    }
  }

  /** What another node asks. */
  handleAsk(command: PeerCommand, asker: Extract<Asker, { type: 'peer' }>, now: Instant): void {
    const { answer } = this.options;
    if (command.type === 'claim') answer(asker, this.claim(command.job, asker.node, now));
    else if (command.type === 'inquire')
      answer(asker, this.options.keeping.inquiries.answer(asker.node, command.items));
    else this.handle(command, asker, now);
  }

  /** Has another node answer a request that is not about a job. */
  passOn(to: NodeId, command: NodeCommand, asker: Asker, now: Instant): void {
    this.search.passOn(to, command, asker, now);
  }

  /** It takes more items, of a request that another node answers. */
  wanted(asker: Asker): void {
    this.search.wanted(asker);
  }

  /** Whoever asked is gone: no answer is sent any more. The jobs go on. */
  abandon(asker: Asker): void {
    this.searching.get(asker)?.giveUp();
    this.searching.delete(asker);
    this.options.waits.remove(asker);
    this.options.owner.acceptances.abandon(asker);
    this.aboutJobs.abandon(asker);
    this.search.abandon(asker);
    this.listing.abandon(asker);
  }

  /** The node is about to end. */
  failAll(why: string): void {
    for (
      let late = this.lateSubmissions.takeDue(Number.POSITIVE_INFINITY);
      late !== undefined;
      late = this.lateSubmissions.takeDue(Number.POSITIVE_INFINITY)
    ) {
      this.searching.delete(late.asker);
      this.options.answer(late.asker, errorReply('UNAVAILABLE', why));
    }
    this.listing.failAll(why);
    this.aboutJobs.failAll(why);
  }

  tick(now: Instant): void {
    this.listing.tick(now);
    this.aboutJobs.tick(now);
    this.submitAgain(now);
  }

  nextDeadlineMs(): number {
    return Math.min(
      this.listing.nextDeadlineMs(),
      this.aboutJobs.nextDeadlineMs(),
      this.lateSubmissions.nextMs(),
    );
  }

  private submit(command: SubmitCommand, asker: Asker, now: Instant): void {
    const { ledger } = this.options;
    if (command.options.key === null) {
      if (command.options.after.length === 0) this.acceptNew(command, asker, now);
      else this.afterChecks.check(command, asker, now, (...of) => this.acceptNew(...of));
      return;
    }
    const id = idOfKey(command.options.key);
    if (ledger.get(id) !== undefined) this.submitHere(id, command, asker, now);
    else if (this.options.keeping.ownerOf(id) !== null) this.submitToOwner(id, command, asker, now);
    else if (asker.type === 'peer' && this.isDraining()) {
      // The asking node goes on to the next home.
      this.options.answer(asker, drainingReply(this.options.members));
    } else if (asker.type === 'peer') this.checkKey(id, command, asker, now);
    else this.submitAtHome(id, command, asker, now);
  }

  private acceptNew(command: SubmitCommand, asker: Asker, now: Instant): void {
    const { self, instance } = this.options;
    this.accept(`${self}-${instance}-${(this.nextJob++).toString(36)}`, command, asker, now);
  }

  private submitAtHome(
    id: JobId,
    command: SubmitCommand,
    asker: Asker,
    now: Instant,
    draining: readonly NodeId[] = [],
  ): void {
    const home = this.search.homeOf(id, draining);
    if (home === this.options.self) this.checkKey(id, command, asker, now);
    else {
      this.passKeyOn(id, home, command, asker, now, draining);
    }
  }

  /** The job is looked for anew where that node drains, which is news here, or is lost: one key gives one job. */
  private passKeyOn(
    id: JobId,
    to: NodeId,
    command: SubmitCommand,
    asker: Asker,
    now: Instant,
    draining: readonly NodeId[],
  ): void {
    this.search.passOn(to, command, asker, now, {
      isLost: (reply, isNodeGone) =>
        !reply.ok &&
        (reply.code === 'DRAINING' ||
          reply.code === 'STORE_FAILED' ||
          reply.code === 'MOVED' ||
          (reply.code === 'UNAVAILABLE' && isNodeGone)),
      lost: (_, now) => this.submitAtHome(id, command, asker, now, [...draining, to]),
    });
  }

  /** This node holds the job for another owner. Where that one is gone, there will be another one soon. */
  private submitToOwner(id: JobId, command: SubmitCommand, asker: Asker, now: Instant): void {
    const owner = this.options.keeping.ownerOf(id);
    if (owner !== null && owner !== this.options.self && this.isThere(owner))
      this.passKeyOn(id, owner, command, asker, now, []);
    else this.submitLater(command, asker, now);
  }

  /** The job is on its way from one owner to the next. */
  private submitLater(command: SubmitCommand, asker: Asker, now: Instant): void {
    const late: LateSubmission = { command, asker };
    const deadline = this.lateSubmissions.add(now.monotonicMs + againMs, late);
    this.searching.set(asker, {
      giveUp: () => {
        this.lateSubmissions.cancel(deadline);
      },
    });
  }

  private submitAgain(now: Instant): void {
    for (
      let late = this.lateSubmissions.takeDue(now.monotonicMs);
      late !== undefined;
      late = this.lateSubmissions.takeDue(now.monotonicMs)
    ) {
      this.searching.delete(late.asker);
      this.submit(late.command, late.asker, now);
    }
  }

  private isThere(node: NodeId): boolean {
    const member = this.options.members.get(node);
    return member !== undefined && isPresent(member);
  }

  /** A key that is new here may be known to a node that was its home before this one joined. */
  private checkKey(id: JobId, command: SubmitCommand, asker: Asker, now: Instant): void {
    if (command.options.after.length === 0) this.checkKeyAlone(id, command, asker, now);
    else {
      this.afterChecks.check(command, asker, now, (command, asker, now) => {
        // Another submission of the key may have been taken meanwhile.
        if (this.options.ledger.get(id) !== undefined) this.submitHere(id, command, asker, now);
        else this.checkKeyAlone(id, command, asker, now);
      });
    }
  }

  private checkKeyAlone(id: JobId, command: SubmitCommand, asker: Asker, now: Instant): void {
    const bytes = askedBytes(command);
    if (this.checkingBytes + bytes > limits.askedBytesMax) {
      const why = `${this.checkingBytes} bytes of jobs wait for news of their keys`;
      this.options.answer(asker, errorReply('BUSY', `retry-after=1s ${why}`));
      return;
    }
    let check = this.checking.get(id);
    const isNew = check === undefined;
    if (check === undefined) {
      check = new KeyCheck((bytes) => {
        this.checkingBytes += bytes;
      });
      this.checking.set(id, check);
    }
    const submission = check.add(command, asker);
    this.searching.set(asker, { giveUp: () => check.giveUp(submission) });
    if (!isNew) return;
    this.findKey(id, check, now);
  }

  /** Who drains takes no job, and claims none: two such nodes would give way to each other for ever. */
  private findKey(id: JobId, check: KeyCheck, now: Instant): void {
    const { askTimeoutMs } = this.options.config;
    const question = this.isDraining() ? 'status' : 'claim';
    const { standstills } = this.options.keeping;
    const found = (findings: Findings, now: Instant): void => {
      // It takes jobs again, and has not claimed this one: another node that was resumed may take it as well.
      const hasNotClaimed = question === 'status' && !this.isDraining();
      // The others took it for dead meanwhile, and one of them may have taken the key.
      const stoodStill = this.options.keeping.standstills !== standstills;
      const mayNotTake = findings.holder === null && (hasNotClaimed || stoodStill);
      if (mayNotTake && this.checking.get(id) === check) this.findKey(id, check, now);
      else this.decide(id, check, findings, now);
    };
    this.search.find(id, { question, timeoutMs: askTimeoutMs, trustsId: false, found }, now);
  }

  private decide(id: JobId, check: KeyCheck, { holder, busy, isMoving }: Findings, now: Instant): void {
    if (this.checking.get(id) !== check) return;
    this.checking.delete(id);
    for (const { command, asker } of check.take()) {
      this.searching.delete(asker);
      if (holder === null && busy) {
        const why = 'a node that may know this key had no room to say so; nothing was taken';
        this.options.answer(asker, errorReply('BUSY', `retry-after=1s ${why}`));
      } else if (holder === null && (isMoving || this.options.keeping.ownerOf(id) !== null)) {
        this.submitLater(command, asker, now);
      } else if (holder === null) this.submitHere(id, command, asker, now);
      else {
        this.passKeyOn(id, holder, command, asker, now, []);
      }
    }
  }

  /**
   * While views of the cluster differ, two nodes may both take themselves for the home of a new key. Of two that check it
   * at once, the one that ranks first for it takes it, and the other one sends its clients there: both see that alike.
   */
  private claim(id: JobId, from: NodeId, now: Instant): Reply {
    const { self, ledger } = this.options;
    if (ledger.get(id) !== undefined) return okReply();
    const owner = this.options.keeping.ownerOf(id);
    if (owner !== null) {
      // Its owner asks, who should know.
      if (owner === from) this.options.keeping.takeover.reviewJob(id);
      return movedReply(id);
    }
    const check = this.checking.get(id);
    if (check !== undefined) {
      if (!this.isDraining() && rendezvousFirst(id, [self, from]) === self) return okReply();
      this.decide(id, check, { holder: from, silent: null, busy: false, isMoving: false }, now);
    }
    return this.search.notHere(id);
  }

  private isDraining(): boolean {
    return this.options.members.self().draining;
  }

  private submitHere(id: JobId, command: SubmitCommand, asker: Asker, now: Instant): void {
    const known = this.options.ledger.get(id);
    if (known === undefined) this.accept(id, command, asker, now);
    else if (command.wait) this.options.owner.follow(known, command, asker, now);
    else this.options.owner.acceptAgain(known, asker, command.options.copies ?? 1, now);
  }

  private accept(id: JobId, command: SubmitCommand, asker: Asker, now: Instant): void {
    const { owner, answer } = this.options;
    const checked = this.admission.check(command);
    if ('ok' in checked) {
      answer(asker, checked);
      return;
    }
    const timed = this.atFirstTime(command, now);
    if ('ok' in timed) answer(asker, timed);
    else owner.accept(timed, id, asker, checked, now);
  }

  /** A schedule waits for its first time, as a delayed job does. */
  private atFirstTime(command: SubmitCommand, now: Instant): SubmitCommand | Reply {
    const { options } = command;
    if (options.cron === null) return command;
    const atMs = this.options.heldBack.schedules.nextTimeMs(options.cron, options.timeZone, now);
    if (atMs !== null) return { ...command, options: { ...options, delayMs: 0, atMs } };
    return errorReply('BAD_OPTION', `cron=: ${options.cron} names no time that ever comes`);
  }

  /** What is kept for clients now, for checkers. */
  debts(): Debt[] {
    return [
      { kind: 'submissions that check their key', count: this.checking.size, node: null },
      { kind: 'bytes that check their key', count: this.checkingBytes, node: null },
      ...this.afterChecks.debts(),
      ...this.search.debts(),
      ...this.listing.debts(),
      ...this.aboutJobs.debts(),
    ];
  }
}
