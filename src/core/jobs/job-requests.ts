import { assertNever } from '../assert.js';
import type { NodeCommand } from '../commands.js';
import { type Deadline, Deadlines } from '../deadlines.js';
import type { JobId } from '../ids.js';
import type { Instant } from '../instant.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import type { Admission } from './admission.js';
import { statusText } from './answers.js';
import { AskerTable } from './asker-table.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import type { HeldBack } from './held-back.js';
import { type Findings, type JobSearch, waitedInVain } from './job-search.js';
import type { Ledger } from './ledger.js';
import type { MemberView } from './member-view.js';
import type { Owner } from './owner.js';
import type { Asker, JobRecord, Waiter } from './record.js';

export type JobCommand = Extract<NodeCommand, { type: 'wait' | 'watch' | 'status' | 'cancel' | 'retry' }>;

export interface JobRequestsOptions {
  readonly config: JobsConfig;
  readonly members: MemberView;
  readonly ledger: Ledger;
  readonly owner: Owner;
  readonly search: JobSearch;
  readonly admission: Admission;
  readonly heldBack: HeldBack;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

/** A client's request about a job that is not this node's, from its arrival to its answer. */
interface Quest {
  readonly command: JobCommand;
  readonly asker: Asker;
  /** When a WAIT ends, or null. */
  readonly endsAtMs: number | null;
  /** Since when nobody has known the job. */
  lostSinceMs: number | null;
  /** How often the node that was taken for its owner did not know it, or was lost. */
  lossCount: number;
  isOver: boolean;
  again: Deadline<Quest> | null;
}

/** How soon a job is looked for again that is about to have another owner. */
const againMs = 200;
/** A job whose owner has died has another one by then. */
const lostMs = 10_000;

/**
 * WAIT, STATUS, CANCEL and RETRY: answered here if this node owns the job, else by the node that does. Owners die and hand their
 * jobs over: then it is looked for again, and the client notices nothing.
 */
export class JobRequests {
  private readonly quests = new AskerTable<Quest>();
  private readonly again = new Deadlines<Quest>();

  constructor(private readonly options: JobRequestsOptions) {}

  handle(command: JobCommand, asker: Asker, now: Instant): void {
    const { ledger, answer, search } = this.options;
    const record = ledger.get(command.job);
    if (record !== undefined) this.answerFor(record, command, asker, now);
    // The asking node looks for it elsewhere.
    else if (asker.type === 'peer') answer(asker, search.notHere(command.job));
    else {
      const endsAtMs =
        command.type === 'wait' && command.timeoutMs !== null ? now.monotonicMs + command.timeoutMs : null;
      this.begin(
        { command, asker, endsAtMs, lostSinceMs: null, lossCount: 0, isOver: false, again: null },
        now,
      );
    }
  }

  /** A job has another owner now: whoever waited for it here waits on, wherever it is. */
  moved(record: JobRecord, waiters: readonly Waiter[], now: Instant): void {
    const job = record.spec.id;
    for (const { asker, wants, deadline } of waiters) {
      if (asker.type === 'peer') this.options.answer(asker, movedReply(job));
      else {
        const command = commandOf(job, wants);
        const endsAtMs = deadline?.atMs ?? null;
        this.later(
          { command, asker, endsAtMs, lostSinceMs: null, lossCount: 0, isOver: false, again: null },
          now,
        );
      }
    }
  }

  /** A node is gone, and its jobs with it until others own them. */
  nodeLost(now: Instant): void {
    this.options.search.nodeLost(now);
  }

  abandon(asker: Asker): void {
    const quest = this.quests.get(asker);
    if (quest !== undefined) this.end(quest);
  }

  /** This node ends: whoever waits for an answer is told. */
  failAll(why: string): void {
    for (const quest of this.quests.values()) {
      this.end(quest);
      this.options.answer(quest.asker, errorReply('UNAVAILABLE', why));
    }
  }

  tick(now: Instant): void {
    for (
      let quest = this.again.takeDue(now.monotonicMs);
      quest !== undefined;
      quest = this.again.takeDue(now.monotonicMs)
    ) {
      quest.again = null;
      if (!quest.isOver) this.seek(quest, now);
    }
  }

  nextDeadlineMs(): number {
    return this.again.nextMs();
  }

  private begin(quest: Quest, now: Instant): void {
    this.quests.set(quest.asker, quest);
    this.seek(quest, now);
  }

  private later(quest: Quest, now: Instant): void {
    this.quests.set(quest.asker, quest);
    const dueMs = now.monotonicMs + againMs;
    quest.again = this.again.add(Math.min(dueMs, quest.endsAtMs ?? dueMs), quest);
  }

  private end(quest: Quest): void {
    quest.isOver = true;
    this.quests.delete(quest.asker);
    if (quest.again !== null) this.again.cancel(quest.again);
    this.options.search.abandon(quest.asker);
  }

  private seek(quest: Quest, now: Instant): void {
    const { ledger, search, config } = this.options;
    const { command, asker, endsAtMs } = quest;
    const leftMs = endsAtMs === null ? null : Math.max(0, endsAtMs - now.monotonicMs);
    const record = ledger.get(command.job);
    if (record !== undefined) {
      this.end(quest);
      this.answerFor(record, withTime(command, leftMs), asker, now);
      return;
    }
    const timeoutMs = Math.min(config.askTimeoutMs, leftMs ?? Number.POSITIVE_INFINITY);
    const found = (findings: Findings, now: Instant): void => {
      if (!quest.isOver) this.found(quest, findings, now);
    };
    const trustsId = quest.lossCount === 0;
    search.find(command.job, { question: 'status', timeoutMs, trustsId, found }, now);
  }

  private found(quest: Quest, { holder, silent, isMoving }: Findings, now: Instant): void {
    const { search, answer } = this.options;
    const { command, asker, endsAtMs } = quest;
    const leftMs = endsAtMs === null ? null : endsAtMs - now.monotonicMs;
    if (holder !== null) {
      quest.lostSinceMs = null;
      search.passOn(holder, withTime(command, leftMs === null ? null : Math.max(0, leftMs)), asker, now, {
        isLost: (reply, isNodeGone) => isWorthSeeking(command, reply, isNodeGone),
        lost: (_, now) => {
          if (quest.isOver) return;
          if (quest.lossCount++ === 0) this.seek(quest, now);
          else this.later(quest, now);
        },
        answered: () => this.end(quest),
      });
      return;
    }
    quest.lostSinceMs ??= now.monotonicMs;
    const isEnd = leftMs !== null && leftMs <= 0;
    const mayComeBack = isMoving || (silent === null && search.hasLostOwner(command.job, now));
    if (mayComeBack && !isEnd && now.monotonicMs < quest.lostSinceMs + lostMs) {
      this.later(quest, now);
      return;
    }
    this.end(quest);
    if (isEnd && (mayComeBack || silent !== null)) answer(asker, waitedInVain(command.job));
    else answer(asker, search.notFound(command.job, { silent, isMoving }, now));
  }

  private answerFor(record: JobRecord, command: JobCommand, asker: Asker, now: Instant): void {
    const { owner, answer, members, heldBack } = this.options;
    switch (command.type) {
      case 'wait':
        return owner.wait(record, asker, command.timeoutMs, now, command.brief ? 'end' : 'outcome');
      case 'watch':
        return owner.follow(record, command, asker, now);
      case 'cancel':
        return owner.cancel(record, asker, now);
      case 'status':
        return answer(asker, okReply(statusText(record, members, heldBack.schedules)));
      case 'retry':
        return this.retry(record, asker, now);
      default:
        assertNever(command);
    }
  }

  private retry(record: JobRecord, asker: Asker, now: Instant): void {
    const { answer, admission, owner } = this.options;
    const isEnded = record.state === 'failed' || record.state === 'cancelled';
    if (!isEnded || record.owner !== this.options.members.self().id) {
      const why = whyNotRetried(record);
      answer(asker, isEnded ? movedReply(record.spec.id) : errorReply('WRONG_STATE', why));
      return;
    }
    const refusal = admission.checkRetry(record);
    if (refusal !== null) answer(asker, refusal);
    else owner.retry(record, asker, now);
  }

  debts(): Debt[] {
    return [
      { kind: 'searches for a job', count: this.quests.size, node: null },
      { kind: 'requests that look for a job again', count: this.again.size, node: null },
    ];
  }
}

function whyNotRetried({ spec: { id, cron, task }, state }: JobRecord): string {
  if (cron === null) return `job ${id} is ${state}; only a failed or cancelled job can be retried`;
  return `${id} is a schedule, which never runs itself: retry the job of it that failed; JOBS state=failed task=${task} lists them`;
}

/** What its waiter asks of the next owner. How its items go on is known where they are sent. */
function commandOf(job: JobId, wants: Waiter['wants']): JobCommand {
  switch (wants) {
    case 'cancelled':
      return { type: 'cancel', job };
    case 'items':
      return { type: 'watch', job, stream: { room: 0, after: null } };
    case 'outcome':
      return { type: 'wait', job, timeoutMs: null };
    case 'end':
      return { type: 'wait', job, timeoutMs: null, brief: true };
  }
}

function withTime(command: JobCommand, timeoutMs: number | null): JobCommand {
  return command.type === 'wait' ? { ...command, timeoutMs } : command;
}

/** Whether another node may have a better answer. What may have happened already is not asked for twice. */
function isWorthSeeking({ type }: JobCommand, reply: Reply, isNodeGone: boolean): boolean {
  if (reply.ok) return false;
  if (reply.code === 'MOVED' || reply.code === 'NOT_FOUND') return true;
  return reply.code === 'UNAVAILABLE' && isNodeGone && type !== 'retry';
}

export function movedReply(job: string): Reply {
  return errorReply('MOVED', `job ${job} has another owner now`);
}
