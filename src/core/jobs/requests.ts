import { assertNever } from '../assert.js';
import type { ClientCommand, SubmitCommand } from '../commands.js';
import type { InstanceId, JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import type { PeerCommand } from '../messages.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { rendezvousFirst } from '../routing/rendezvous.js';
import { Admission, drainingReply } from './admission.js';
import { AfterChecks } from './after-checks.js';
import { acceptedReply, statusText } from './answers.js';
import { AskerTable } from './asker-table.js';
import { type Asks, askedBytes } from './asks.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import type { HeldBack } from './held-back.js';
import { JobListing } from './job-listing.js';
import { type Findings, JobSearch, waitedInVain } from './job-search.js';
import { KeyCheck } from './key-check.js';
import type { Ledger } from './ledger.js';
import type { MemberView } from './member-view.js';
import type { Owner } from './owner.js';
import type { Asker, JobRecord } from './record.js';
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
  readonly answer: (asker: Asker, reply: Reply) => void;
}

type JobCommand = Extract<ClientCommand, { type: 'wait' | 'status' | 'cancel' | 'retry' }>;

/** A request whose job is being looked for. */
interface Searching {
  /** Whoever asked is gone. */
  giveUp(): void;
}

/** What clients ask about jobs: answered here if this node owns the job, else by the node that does. */
export class Requests {
  private readonly search: JobSearch;
  private readonly listing: JobListing;
  private readonly admission: Admission;
  private readonly checking = new Map<JobId, KeyCheck>();
  private checkingBytes = 0;
  private readonly searching = new AskerTable<Searching>();
  private readonly afterChecks: AfterChecks;
  private nextJob = 1;

  constructor(private readonly options: RequestsOptions) {
    this.search = new JobSearch(options);
    this.listing = new JobListing(options);
    this.admission = new Admission(options);
    const { dependencies } = options.heldBack;
    this.afterChecks = new AfterChecks({ ...options, dependencies, searching: this.searching });
  }

  handle(command: ClientCommand, asker: Asker, now: Instant): void {
    switch (command.type) {
      case 'submit':
        return this.submit(command, asker, now);
      case 'wait':
      case 'status':
      case 'cancel':
      case 'retry':
        return this.aboutJob(command, asker, now);
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
    if (command.type === 'claim') this.options.answer(asker, this.claim(command.job, asker.node, now));
    else this.handle(command, asker, now);
  }

  /** Has another node answer a request that is not about a job. */
  passOn(to: NodeId, command: ClientCommand, asker: Asker, now: Instant): void {
    this.search.passOn(to, command, asker, now);
  }

  /** Whoever asked is gone: no answer is sent any more. The jobs go on. */
  abandon(asker: Asker): void {
    this.searching.get(asker)?.giveUp();
    this.searching.delete(asker);
    this.options.waits.remove(asker);
    this.search.abandon(asker);
    this.listing.abandon(asker);
  }

  /** The node is about to end. */
  failAll(why: string): void {
    this.listing.failAll(why);
  }

  tick(now: Instant): void {
    this.listing.tick(now);
  }

  nextDeadlineMs(): number {
    return this.listing.nextDeadlineMs();
  }

  private submit(command: SubmitCommand, asker: Asker, now: Instant): void {
    const { self, instance, ledger } = this.options;
    if (command.options.key === null) {
      const accept = (command: SubmitCommand, asker: Asker, now: Instant): void =>
        this.accept(`${self}-${instance}-${(this.nextJob++).toString(36)}`, command, asker, now);
      if (command.options.after.length === 0) accept(command, asker, now);
      else this.afterChecks.check(command, asker, now, accept);
      return;
    }
    const id = idOfKey(command.options.key);
    if (ledger.get(id) !== undefined) this.submitHere(id, command, asker, now);
    else if (asker.type === 'peer' && this.isDraining()) {
      // The asking node goes on to the next home.
      this.options.answer(asker, drainingReply());
    } else if (asker.type === 'peer') this.checkKey(id, command, asker, now);
    else this.submitAtHome(id, command, asker, now);
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
      this.search.passOn(home, command, asker, now, (_, now) => {
        // The news that it drains is on its way here still.
        this.submitAtHome(id, command, asker, now, [...draining, home]);
      });
    }
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
    const found = (findings: Findings, now: Instant): void => {
      // It takes jobs again, and has not claimed this one: another node that was resumed may take it as well.
      const mayNotTake = question === 'status' && !this.isDraining() && findings.holder === null;
      if (mayNotTake && this.checking.get(id) === check) this.findKey(id, check, now);
      else this.decide(id, check, findings, now);
    };
    this.search.find(id, { question, timeoutMs: askTimeoutMs, found }, now);
  }

  private decide(id: JobId, check: KeyCheck, { holder, busy }: Findings, now: Instant): void {
    if (this.checking.get(id) !== check) return;
    this.checking.delete(id);
    for (const { command, asker } of check.take()) {
      this.searching.delete(asker);
      if (holder === null && busy) {
        const why = 'a node that may know this key had no room to say so; nothing was taken';
        this.options.answer(asker, errorReply('BUSY', `retry-after=1s ${why}`));
      } else if (holder === null) this.submitHere(id, command, asker, now);
      else {
        this.search.passOn(holder, command, asker, now, (_, now) =>
          this.submitAtHome(id, command, asker, now, [holder]),
        );
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
    const check = this.checking.get(id);
    if (check !== undefined) {
      if (!this.isDraining() && rendezvousFirst(id, [self, from]) === self) return okReply();
      this.decide(id, check, { holder: from, silent: null, busy: false }, now);
    }
    return this.search.notFound(id);
  }

  private isDraining(): boolean {
    return this.options.members.self().draining;
  }

  private submitHere(id: JobId, command: SubmitCommand, asker: Asker, now: Instant): void {
    const known = this.options.ledger.get(id);
    if (known === undefined) this.accept(id, command, asker, now);
    else if (command.wait) this.options.owner.wait(known, asker, null, now);
    else this.options.answer(asker, acceptedReply(known));
  }

  private accept(id: JobId, command: SubmitCommand, asker: Asker, now: Instant): void {
    const { owner, answer, config } = this.options;
    const checked = this.admission.check(command);
    if ('ok' in checked) {
      answer(asker, checked);
      return;
    }
    const timed = this.atFirstTime(command, now);
    if ('ok' in timed) answer(asker, timed);
    else owner.accept(timed, id, asker, { config, task: checked }, now);
  }

  /** A schedule waits for its first time, as a delayed job does. */
  private atFirstTime(command: SubmitCommand, now: Instant): SubmitCommand | Reply {
    const { options } = command;
    if (options.cron === null) return command;
    const atMs = this.options.heldBack.schedules.nextTimeMs(options.cron, options.timeZone, now);
    if (atMs !== null) return { ...command, options: { ...options, delayMs: 0, atMs } };
    return errorReply('BAD_OPTION', `cron=: ${options.cron} names no time that ever comes`);
  }

  private aboutJob(command: JobCommand, asker: Asker, now: Instant): void {
    const { ledger, answer } = this.options;
    const record = ledger.get(command.job);
    if (record !== undefined) {
      this.answerFor(record, command, asker, now);
      return;
    }
    if (asker.type === 'peer') {
      answer(asker, this.search.notFound(command.job));
      return;
    }
    let isWanted = true;
    this.searching.set(asker, {
      giveUp: () => {
        isWanted = false;
      },
    });
    const waitMs = command.type === 'wait' ? command.timeoutMs : null;
    const timeoutMs = Math.min(this.options.config.askTimeoutMs, waitMs ?? Number.POSITIVE_INFINITY);
    const endsAtMs = waitMs === null ? null : now.monotonicMs + waitMs;
    const found = ({ holder, silent }: Findings, now: Instant): void => {
      if (!isWanted) return;
      this.searching.delete(asker);
      const leftMs = endsAtMs === null ? null : endsAtMs - now.monotonicMs;
      if (holder === null && silent !== null && leftMs !== null && leftMs <= 0) {
        answer(asker, waitedInVain(command.job));
      } else if (holder === null) answer(asker, this.search.notFound(command.job, silent));
      else if (command.type !== 'wait') this.search.passOn(holder, command, asker, now);
      else {
        const timeoutMs = leftMs === null ? null : Math.max(0, leftMs);
        this.search.passOn(holder, { ...command, timeoutMs }, asker, now);
      }
    };
    this.search.find(command.job, { question: 'status', timeoutMs, found }, now);
  }

  private answerFor(record: JobRecord, command: JobCommand, asker: Asker, now: Instant): void {
    const { owner, answer, members, heldBack } = this.options;
    switch (command.type) {
      case 'wait':
        return owner.wait(record, asker, command.timeoutMs, now, command.brief ? 'end' : 'outcome');
      case 'cancel':
        return owner.cancel(record, asker, now);
      case 'status':
        return answer(asker, okReply(statusText(record, members, heldBack.schedules)));
      case 'retry':
        return answer(asker, this.retry(record, now));
      default:
        assertNever(command);
    }
  }

  private retry(record: JobRecord, now: Instant): Reply {
    if (record.state !== 'failed' && record.state !== 'cancelled') {
      const why = `job ${record.spec.id} is ${record.state}; only a failed or cancelled job can be retried`;
      return errorReply('WRONG_STATE', why);
    }
    const refusal = this.admission.checkRetry(record);
    if (refusal !== null) return refusal;
    this.options.owner.retry(record, now);
    return okReply();
  }

  /** What is kept for clients now, for checkers. */
  debts(): Debt[] {
    return [
      { kind: 'submissions that check their key', count: this.checking.size, node: null },
      { kind: 'bytes that check their key', count: this.checkingBytes, node: null },
      { kind: 'searches for a job', count: this.searching.size, node: null },
      ...this.afterChecks.debts(),
      ...this.search.debts(),
      ...this.listing.debts(),
    ];
  }
}
