import { assertNever } from '../assert.js';
import type { ClientCommand, SubmitCommand } from '../commands.js';
import { type InstanceId, type JobId, type NodeId, originOf, type RequestId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { MemberRecord, TaskOffer } from '../member.js';
import { payloadBytes } from '../payload.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { rendezvousFirst, rendezvousOrder } from '../routing/rendezvous.js';
import { acceptedReply, describeJob } from './answers.js';
import type { Asks } from './asks.js';
import type { JobsConfig } from './config.js';
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
  readonly nameOf: (node: NodeId) => string;
}

type JobCommand = Extract<ClientCommand, { type: 'wait' | 'status' | 'cancel' | 'retry' }>;
type ListCommand = Extract<ClientCommand, { type: 'jobs' }>;

/** How many nodes are asked for a job with a key, in rendezvous order: its owner is the first of the nodes alive when it came. */
const keyHoldersAskedMax = 8;

/** What clients ask about jobs: answered here if this node owns the job, else by the node that does. */
export class Requests {
  /** Asks under way for a client's request, to be abandoned with it. */
  private readonly asksOf = new Map<RequestId, number>();
  /** Submissions with a key that wait until the other possible owners have said that they don't know it. */
  private readonly checking = new Map<JobId, { command: SubmitCommand; asker: Asker }[]>();
  private nextJob = 1;

  constructor(private readonly options: RequestsOptions) {}

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
        return this.list(command, asker, now);
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

  /** The client is gone: nothing is sent to it any more. Its jobs go on. */
  abandon(request: RequestId): void {
    this.options.waits.remove({ type: 'client', request });
    const seq = this.asksOf.get(request);
    if (seq === undefined) return;
    this.asksOf.delete(request);
    this.options.asks.abandon(seq);
  }

  private submit(command: SubmitCommand, asker: Asker, now: Instant): void {
    if (command.options.key === null) {
      const { self, instance } = this.options;
      this.accept(command, `${self}-${instance}-${(this.nextJob++).toString(36)}`, asker, now);
      return;
    }
    const id = idOfKey(command.options.key);
    const known = this.options.ledger.get(id);
    if (known !== undefined) this.answerKnown(known, command, asker, now);
    else if (asker.type === 'peer' || this.homeOf(id) === this.options.self)
      this.checkKey(id, command, asker, now);
    else
      this.passOn(
        this.homeOf(id),
        command,
        asker,
        command.wait ? null : now.monotonicMs + this.options.config.askTimeoutMs,
      );
  }

  /** The node that owns a job with this id if it comes now: the same one, whichever node is asked. */
  private homeOf(id: JobId): NodeId {
    const alive = [...this.options.members.all()].filter(
      (member) => member.state === 'alive' && !member.draining,
    );
    return (
      rendezvousFirst(
        id,
        alive.map((member) => member.id),
      ) ?? this.options.self
    );
  }

  private answerKnown(record: JobRecord, command: SubmitCommand, asker: Asker, now: Instant): void {
    if (command.wait) this.options.owner.wait(record, asker, null, now);
    else this.options.answer(asker, acceptedReply(record));
  }

  /** A key that is new here may be known to a node that was its home before another joined. */
  private checkKey(id: JobId, command: SubmitCommand, asker: Asker, now: Instant): void {
    const queue = this.checking.get(id);
    if (queue !== undefined) {
      queue.push({ command, asker });
      return;
    }
    this.checking.set(id, [{ command, asker }]);
    this.find(id, this.holdersOf(id), now, (holder) => {
      const submissions = this.checking.get(id) ?? [];
      this.checking.delete(id);
      for (const { command, asker } of submissions) {
        const known = this.options.ledger.get(id);
        if (known !== undefined) this.answerKnown(known, command, asker, now);
        else if (holder === null) this.accept(command, id, asker, now);
        else
          this.passOn(
            holder,
            command,
            asker,
            command.wait ? null : now.monotonicMs + this.options.config.askTimeoutMs,
          );
      }
    });
  }

  private accept(command: SubmitCommand, id: JobId, asker: Asker, now: Instant): void {
    const task = this.offerOf(command.task);
    const refusal = task === null ? this.unknownTask(command.task) : this.refusalOf(command);
    if (task === null || refusal !== null) this.options.answer(asker, refusal as Reply);
    else this.options.owner.accept(command, id, asker, { config: this.options.config, task }, now);
  }

  private refusalOf({ args, options }: SubmitCommand): Reply | null {
    const { members, ledger, config } = this.options;
    if (members.self().draining)
      return errorReply('DRAINING', 'this node takes no new jobs: submit to another one');
    if (options.node !== null && !isThere(members.all(), options.node)) {
      return errorReply('NO_SUCH_NODE', `no member is called ${options.node}; NODES lists them`);
    }
    if ((options.copies ?? 1) > 1 || options.durable === true) {
      return errorReply(
        'UNAVAILABLE',
        'this version keeps one copy of a job, in memory: submit without copies= and durable=yes; the job was not taken',
      );
    }
    if (ledger.hasRoomFor(payloadBytes(args))) return null;
    return errorReply(
      'BUSY',
      `retry-after=1s this node has ${ledger.unfinished} unfinished jobs (limits: ${config.queueLengthMax} jobs, ${config.queueBytesMax} bytes)`,
    );
  }

  private offerOf(task: string): TaskOffer | null {
    for (const member of this.options.members.all()) {
      if (member.state !== 'alive' && member.state !== 'suspect') continue;
      const offer = member.tasks.find(({ name }) => name === task);
      if (offer !== undefined) return offer;
    }
    return null;
  }

  private unknownTask(task: string): Reply {
    return errorReply('UNKNOWN_TASK', `no node offers the task ${task}; TASKS lists what there is`);
  }

  private aboutJob(command: JobCommand, asker: Asker, now: Instant): void {
    const record = this.options.ledger.get(command.job);
    if (record !== undefined) return this.answerFor(record, command, asker, now);
    if (asker.type === 'peer') return this.notFound(command.job, asker);
    this.find(command.job, this.holdersOf(command.job), now, (holder) => {
      if (holder === null) this.notFound(command.job, asker);
      else {
        const endsAtMs =
          command.type === 'wait' || command.type === 'cancel'
            ? null
            : now.monotonicMs + this.options.config.askTimeoutMs;
        this.passOn(holder, command, asker, endsAtMs);
      }
    });
  }

  private answerFor(record: JobRecord, command: JobCommand, asker: Asker, now: Instant): void {
    const { owner, answer, nameOf } = this.options;
    switch (command.type) {
      case 'wait':
        return owner.wait(record, asker, command.timeoutMs, now);
      case 'cancel':
        return owner.cancel(record, asker, now);
      case 'status':
        return answer(asker, okReply(JSON.stringify(describeJob(record, nameOf))));
      case 'retry':
        if (owner.retry(record, now)) return answer(asker, okReply());
        return answer(
          asker,
          errorReply(
            'WRONG_STATE',
            `job ${command.job} is ${record.state}; only a failed or cancelled job can be retried`,
          ),
        );
      default:
        assertNever(command);
    }
  }

  private notFound(job: JobId, asker: Asker): void {
    const origin = originOf(job);
    const member = origin === null ? undefined : this.options.members.get(origin);
    const reply =
      member !== undefined && (member.state === 'dead' || member.state === 'left')
        ? errorReply(
            'UNAVAILABLE',
            `node ${member.name}, which owned job ${job}, is ${member.state}, and its record was there alone`,
          )
        : errorReply('NOT_FOUND', `no node knows job ${job}: it never was, or its outcome is no longer kept`);
    this.options.answer(asker, reply);
  }

  /** Nodes other than this one that may own the job, the likeliest first. */
  private holdersOf(job: JobId): NodeId[] {
    const { self, members } = this.options;
    const others = [...members.all()].filter(
      ({ id, state }) => id !== self && (state === 'alive' || state === 'suspect'),
    );
    const origin = originOf(job);
    if (origin !== null) return others.some(({ id }) => id === origin) ? [origin] : [];
    return rendezvousOrder(
      job,
      others.map(({ id }) => id),
    ).slice(0, keyHoldersAskedMax);
  }

  /** Asks them all at once; the first that knows the job is its holder, null once all have said that they don't. */
  private find(
    job: JobId,
    nodes: readonly NodeId[],
    now: Instant,
    found: (holder: NodeId | null) => void,
  ): void {
    const only = nodes[0];
    if (only === undefined || (nodes.length === 1 && originOf(job) !== null)) {
      found(only ?? null);
      return;
    }
    let open = nodes.length;
    let isFound = false;
    for (const node of nodes) {
      this.options.asks.ask(
        node,
        { type: 'status', job },
        now.monotonicMs + this.options.config.askTimeoutMs,
        (reply) => {
          open--;
          if (isFound) return;
          isFound = reply.ok || open === 0;
          if (isFound) found(reply.ok ? node : null);
        },
      );
    }
  }

  /** Has another node answer; `endsAtMs` null waits for as long as that node lives. */
  passOn(to: NodeId, command: ClientCommand, asker: Asker, endsAtMs: number | null): void {
    const seq = this.options.asks.ask(to, command, endsAtMs, (reply) => {
      if (asker.type === 'client') this.asksOf.delete(asker.request);
      this.options.answer(asker, reply);
    });
    if (asker.type === 'client' && seq !== 0) this.asksOf.set(asker.request, seq);
  }

  /** A client sees the jobs of the whole cluster, the newest first; a peer asks for those of this node. */
  private list(command: ListCommand, asker: Asker, now: Instant): void {
    const { self, members, asks, config, answer } = this.options;
    const rows = this.ownRows(command);
    const others = [...members.all()].filter(({ id, state }) => id !== self && state === 'alive');
    if (asker.type === 'peer' || others.length === 0) {
      answer(asker, okReply(JSON.stringify(rows)));
      return;
    }
    let open = others.length;
    for (const { id } of others) {
      asks.ask(id, command, now.monotonicMs + config.askTimeoutMs, (reply) => {
        for (const row of rowsOf(reply, command.limit)) rows.push(row);
        if (--open === 0) answer(asker, okReply(JSON.stringify(newestFirst(rows).slice(0, command.limit))));
      });
    }
  }

  private ownRows({ state, task, limit }: ListCommand): JobRow[] {
    const rows: JobRecord[] = [];
    for (const record of this.options.ledger.values()) {
      if ((state !== null && record.state !== state) || (task !== null && record.spec.task !== task))
        continue;
      rows.push(record);
      // Records stand in order of arrival, so dropping the older half now and then keeps the newest.
      if (rows.length >= 2 * limit + 1024) rows.splice(0, rows.length - limit);
    }
    return newestFirst(
      rows.slice(-limit).map((record) => describeJob(record, this.options.nameOf) as unknown as JobRow),
    );
  }
}

interface JobRow {
  readonly id: string;
  readonly createdAt: string;
}

/** What another node lists. It may answer anything: what is no list of jobs counts as none. */
function rowsOf(reply: Reply, limit: number): JobRow[] {
  if (!reply.ok) return [];
  try {
    const rows: unknown = JSON.parse(reply.text);
    return Array.isArray(rows) ? rows.slice(0, limit).filter(isJobRow) : [];
  } catch {
    return [];
  }
}

function isJobRow(row: unknown): row is JobRow {
  const { id, createdAt } = (row ?? {}) as Partial<Record<keyof JobRow, unknown>>;
  return typeof id === 'string' && typeof createdAt === 'string';
}

function newestFirst(rows: JobRow[]): JobRow[] {
  return rows.sort((a, b) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0));
}

function isThere(members: Iterable<MemberRecord>, name: string): boolean {
  for (const member of members) {
    if (member.name === name && (member.state === 'alive' || member.state === 'suspect')) return true;
  }
  return false;
}
