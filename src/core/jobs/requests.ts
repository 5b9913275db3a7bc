import { assertNever } from '../assert.js';
import type { ClientCommand, SubmitCommand } from '../commands.js';
import type { InstanceId, JobId, NodeId, RequestId } from '../ids.js';
import type { Instant } from '../instant.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { Admission } from './admission.js';
import { acceptedReply, describeJob } from './answers.js';
import type { Asks } from './asks.js';
import type { JobsConfig } from './config.js';
import { JobListing } from './job-listing.js';
import { JobSearch } from './job-search.js';
import type { MemberView } from './jobs.js';
import type { Ledger } from './ledger.js';
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
  readonly asks: Asks;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

type JobCommand = Extract<ClientCommand, { type: 'wait' | 'status' | 'cancel' | 'retry' }>;

interface Submission {
  readonly command: SubmitCommand;
  readonly asker: Asker;
}

/** What clients ask about jobs: answered here if this node owns the job, else by the node that does. */
export class Requests {
  private readonly search: JobSearch;
  private readonly listing: JobListing;
  private readonly admission: Admission;
  /** Submissions with a key that wait until the other possible owners have said that they don't know it. */
  private readonly checking = new Map<JobId, Submission[]>();
  /** Clients whose job is being looked for. One that is gone is taken out, and nothing is done for it any more. */
  private readonly searching = new Set<RequestId>();
  private nextJob = 1;

  constructor(private readonly options: RequestsOptions) {
    this.search = new JobSearch(options);
    this.listing = new JobListing(options);
    this.admission = new Admission(options);
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

  /** Has another node answer a request that is not about a job. */
  passOn(to: NodeId, command: ClientCommand, asker: Asker, now: Instant): void {
    this.search.passOn(to, command, asker, now);
  }

  /** The client is gone: nothing is sent to it any more. Its jobs go on. */
  abandon(request: RequestId): void {
    this.searching.delete(request);
    this.options.waits.remove({ type: 'client', request });
    this.search.abandon(request);
  }

  private submit(command: SubmitCommand, asker: Asker, now: Instant): void {
    const { self, instance, ledger } = this.options;
    if (command.options.key === null) {
      this.accept(`${self}-${instance}-${(this.nextJob++).toString(36)}`, { command, asker }, now);
      return;
    }
    const id = idOfKey(command.options.key);
    const home = this.search.homeOf(id);
    if (ledger.get(id) !== undefined) this.submitHere(id, { command, asker }, now);
    else if (asker.type === 'peer' || home === self) this.checkKey(id, { command, asker }, now);
    else this.search.passOn(home, command, asker, now);
  }

  /** A key that is new here may be known to a node that was its home before this one joined. */
  private checkKey(id: JobId, submission: Submission, now: Instant): void {
    if (submission.asker.type === 'client') this.searching.add(submission.asker.request);
    const others = this.checking.get(id);
    if (others !== undefined) {
      others.push(submission);
      return;
    }
    const submissions = [submission];
    this.checking.set(id, submissions);
    this.search.find(id, now, (holder, now) => {
      this.checking.delete(id);
      for (const { command, asker } of submissions) {
        // The job of a client that is gone is taken all the same, but nobody waits for it.
        const isHere = asker.type === 'peer' || this.searching.delete(asker.request);
        const wanted = isHere ? command : { ...command, wait: false };
        if (holder === null) this.submitHere(id, { command: wanted, asker }, now);
        else this.search.passOn(holder, wanted, asker, now);
      }
    });
  }

  private submitHere(id: JobId, { command, asker }: Submission, now: Instant): void {
    const known = this.options.ledger.get(id);
    if (known === undefined) this.accept(id, { command, asker }, now);
    else if (command.wait) this.options.owner.wait(known, asker, null, now);
    else this.options.answer(asker, acceptedReply(known));
  }

  private accept(id: JobId, { command, asker }: Submission, now: Instant): void {
    const checked = this.admission.check(command);
    if ('ok' in checked) this.options.answer(asker, checked);
    else this.options.owner.accept(command, id, asker, { config: this.options.config, task: checked }, now);
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
    this.searching.add(asker.request);
    this.search.find(command.job, now, (holder, now) => {
      if (!this.searching.delete(asker.request)) return;
      if (holder === null) answer(asker, this.search.notFound(command.job));
      else this.search.passOn(holder, command, asker, now);
    });
  }

  private answerFor(record: JobRecord, command: JobCommand, asker: Asker, now: Instant): void {
    const { owner, answer, members } = this.options;
    switch (command.type) {
      case 'wait':
        return owner.wait(record, asker, command.timeoutMs, now);
      case 'cancel':
        return owner.cancel(record, asker, now);
      case 'status':
        return answer(asker, okReply(JSON.stringify(describeJob(record, members))));
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
}
