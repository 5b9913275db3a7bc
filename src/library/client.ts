import { withOwnKey } from '../client/own-key.js';
import type { ClientRequest } from '../client/request-line.js';
import { isZero, type optionNames } from '../protocol/spell.js';
import { type Calls, parsed } from './calls.js';
import { cronOf, encodeArguments, nameOf, spellOptions, topicsOf } from './checked-input.js';
import { type ConnectOptions, openCalls } from './connect.js';
import { BadInputError } from './errors.js';
import { Following } from './following.js';
import { statusOf, tell, waitFor } from './job-calls.js';
import { JobHandle, ScheduleHandle } from './job-handle.js';
import { JobStream } from './job-stream.js';
import { type JobWatch, watchJob } from './job-watch.js';
import { mapJobs } from './map-jobs.js';
import type {
  CallOptions,
  JobFilter,
  JobReference,
  MapOptions,
  RunOptions,
  ScheduleFilter,
  ScheduleOptions,
  Settled,
  SettledMapOptions,
  StreamOptions,
  SubmitOptions,
  SubscribeOptions,
  WaitOptions,
} from './options.js';
import { runJob } from './run-job.js';
import type { JobStatus, LeavePlan, NodeInfo, NodeStatus, ScheduleStatus, TaskOffer } from './shapes.js';
import { acceptedOf } from './submission.js';
import { Subscription } from './subscription.js';
import type {
  CallParameters,
  TaskArguments,
  TaskFunction,
  TaskName,
  TaskResult,
  TaskYield,
  UntypedTasks,
} from './task-types.js';

const windowDefault = 1_000;
const windowMax = 9_000;
/** Nodes need not keep what `map` has been told. */
const mapTtl = '0s';

/**
 * A client of the cluster: one connection at a time, to the first node of its list that answers; any number of calls at once. When that node
 * is lost, calls go on at the next one by themselves, as far as that can't run a job twice; with several nodes listed each job has a key of
 * the client's own to that end.
 *
 * `Client<Tasks>` knows the tasks of a map of functions, by which arguments and results are checked:
 *
 * ```ts
 * interface Tasks { add(args: { a: number; b: number }): number }
 * const client = await Client.connect<Tasks>({ nodes: '127.0.0.1:7411' });
 * const sum = await client.run('add', { a: 1, b: 2 }); // a number
 * ```
 *
 * Arguments travel as JSON, or as they are where they are a `Uint8Array`; results too, bytes as a Buffer. What JSON can't hold is refused before anything is
 * sent, with a `BadInputError`. Each call rejects with a `RondoError` whose `code` is one of PROTOCOL.md or of the client's own; the README has
 * a table of the classes. An aborted call rejects with the `reason` of its signal.
 */
export class Client<Tasks extends Record<keyof Tasks, TaskFunction> = UntypedTasks> {
  readonly #calls: Calls;

  private constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Connects to the first node that answers. Rejects with `NotTakenError` (NO_NODE) where none does, `UnauthorizedError`, or `BadInputError`
   * for options that can't be right. The connection keeps the process from ending until `close`.
   */
  static async connect<Tasks extends Record<keyof Tasks, TaskFunction> = UntypedTasks>(
    options: ConnectOptions = {},
  ): Promise<Client<Tasks>> {
    return new Client<Tasks>(await openCalls(options));
  }

  /** The node that requests go to now, `host:port`. */
  get node(): string {
    return this.#calls.client.node;
  }

  /**
   * Submits a job, waits, and resolves to its result. Rejects with `JobFailedError` when it failed for good, and `JobCancelledError`.
   *
   * An abort **cancels the job**, also one that runs: the call rejects at once, and the cancel is sent as soon as the id is known; `close`
   * waits for its answer. To stop waiting and let the job go on, use `submit`, and abort the `wait`.
   *
   * `ttl: 0` is refused, since the outcome is asked for once the job was taken.
   */
  async run<Name extends TaskName<Tasks>>(
    task: Name,
    ...[args, options = {}]: CallParameters<Tasks[Name], RunOptions>
  ): Promise<TaskResult<Tasks[Name]>> {
    if (isZero(options.ttl))
      throw new BadInputError(
        'BAD_OPTION',
        'ttl: 0 keeps no outcome that run() could ask for; use map(), or leave it out',
      );
    const request = submission('SUBMIT', task, args, spellOptions(options, 'submit'));
    return (await runJob(this.#calls, request, options.signal)) as TaskResult<Tasks[Name]>;
  }

  /**
   * Submits a job, and resolves once so many nodes hold it as it is to have copies: from then on it will run, whether this program does or
   * not. An abort means that nobody is told of the answer: the job may have been taken.
   */
  async submit<Name extends TaskName<Tasks>>(
    task: Name,
    ...[args, options = {}]: CallParameters<Tasks[Name], SubmitOptions>
  ): Promise<JobHandle<TaskResult<Tasks[Name]>, TaskYield<Tasks[Name]>>> {
    const request = submission('SUBMIT', task, args, spellOptions(options, 'submit'));
    const text = await this.#calls.text({ ...this.#calls.keyed(request), signal: options.signal });
    return new JobHandle(this.#calls, acceptedOf(text));
  }

  /**
   * Waits for a job that anybody has submitted, and resolves to its result. Rejects with `JobFailedError`, `JobCancelledError`,
   * `TimeoutError` (the job goes on) and `NotFoundError`. An abort ends the waiting and **doesn't cancel** the job. The node waits on until the
   * job ends, and takes some 10,000 requests of a connection at once (`limits.requestsInFlight`); `timeout` bounds that.
   */
  wait(job: JobReference, options: WaitOptions = {}): Promise<unknown> {
    return waitFor(this.#calls, job, options);
  }

  /**
   * Follows a job that anybody has submitted: its states, its progress, and what it yields, from what is kept of it on. It goes on at the next
   * node when one is lost, without a gap that it doesn't tell and without a double. `break` and an abort end the watch, **not the job**.
   *
   * Who takes events slowly slows the job down, by 30 s at most; what is yielded then while nothing is taken may be missed.
   */
  watch<Yield = unknown, Result = unknown>(
    job: JobHandle<Result, Yield> | JobReference,
    options: CallOptions = {},
  ): JobWatch<Yield, Result> {
    return watchJob(this.#calls, job, options);
  }

  /**
   * Submits a job, and gives what it yields as it comes; `result()` of what this returns is what the job returned. Nothing is missed and nothing
   * comes twice when a node is lost; where the job has to begin anew, `onRestart` is told, or the loop throws a `StreamBrokenError`.
   *
   * A loop that is left early, by `break`, an error or an abort, **cancels the job**; not so with `cancel: false`. Who takes values slowly slows
   * the job down, by 30 s at most; what is yielded then while nothing is taken may be missed.
   */
  stream<Name extends TaskName<Tasks>>(
    task: Name,
    ...[args, options = {}]: CallParameters<Tasks[Name], StreamOptions>
  ): JobStream<TaskYield<Tasks[Name]>, TaskResult<Tasks[Name]>> {
    const spelled = [...spellOptions(options, 'stream'), ['stream', 'yes'] as const];
    const request = this.#calls.keyed(submission('RUN', task, args, spelled));
    const { signal, cancel = true } = options;
    return new JobStream(new Following(this.#calls, { request, signal, cancels: cancel }), options);
  }

  /**
   * Publishes to a topic, and resolves to the number of subscribers that it was sent to. At most once: rejects with `UnavailableError` where it
   * may or may not have been published.
   */
  async publish(topic: string, data?: unknown, options: CallOptions = {}): Promise<number> {
    spellOptions(options, 'none');
    const operands = topicsOf(topic, 'have none');
    const payload = encodeArguments(data);
    return Number(await this.#calls.text({ verb: 'PUBLISH', operands, payload, signal: options.signal }));
  }

  /**
   * Subscribes to topics, or to patterns of them: `'room.*'`. A message comes at most once, however many of them match. When its node is lost, it
   * subscribes at the next one; messages may be missed meanwhile, of which `onGap` is told.
   */
  subscribe<Data = unknown>(
    topics: string | readonly string[],
    options: SubscribeOptions = {},
  ): Subscription<Data> {
    const spelled = spellOptions(options, 'subscribe');
    const request = { verb: 'SUBSCRIBE', operands: topicsOf(topics, 'have patterns'), options: spelled };
    return new Subscription(this.#calls, request, options);
  }

  /** How many subscribers each of these topics has, at all nodes. */
  async subscribers(...topics: readonly string[]): Promise<Record<string, number>> {
    const operands = topicsOf(topics, 'have none');
    return (await this.#calls.json({ verb: 'SUBSCRIBERS', operands })) as Record<string, number>;
  }

  /** What is known of a job. Rejects with `NotFoundError`. Of a schedule it is a `ScheduleStatus`. */
  async status(job: JobReference, options: CallOptions = {}): Promise<JobStatus> {
    return (await statusOf(this.#calls, job, options)) as JobStatus;
  }

  /**
   * Cancels a job, or ends a schedule; resolves once it has really stopped. One that is cancelled already is fine; one that has ended otherwise
   * is a `WrongStateError`. An abort doesn't take the cancel back.
   */
  cancel(job: JobReference, options: CallOptions = {}): Promise<void> {
    return tell(this.#calls, 'CANCEL', job, options);
  }

  /** Puts a job back to the queue that has failed or was cancelled. Rejects with `WrongStateError` for any other. */
  retry(job: JobReference, options: CallOptions = {}): Promise<void> {
    return tell(this.#calls, 'RETRY', job, options);
  }

  /** Jobs of all nodes, the latest first. */
  async jobs(filter: JobFilter = {}): Promise<JobStatus[]> {
    return (await this.#list('JOBS', filter, 'jobs')) as JobStatus[];
  }

  /**
   * Has a job submitted at each time that a cron expression names, until the schedule is cancelled. `cron` is minute, hour, day of month, month
   * and day of week, with seconds before them or not (`'30 8 * * MON-FRI'`), or one of `@yearly`, `@monthly`, `@weekly`, `@daily`, `@hourly`.
   */
  async schedule<Name extends TaskName<Tasks>>(
    task: Name,
    cron: string,
    ...[args, options = {}]: CallParameters<Tasks[Name], ScheduleOptions>
  ): Promise<ScheduleHandle> {
    if ('cron' in options)
      throw new BadInputError('BAD_OPTION', 'cron is the second parameter, not an option');
    const spelled = spellOptions({ ...options, cron: cronOf(cron) }, 'schedule');
    const text = await this.#calls.text({
      ...submission('SCHEDULE', task, args, spelled),
      signal: options.signal,
    });
    return new ScheduleHandle(this.#calls, acceptedOf(text));
  }

  /** The schedules that are not cancelled, the latest first. */
  async schedules(filter: ScheduleFilter = {}): Promise<ScheduleStatus[]> {
    return (await this.#list('SCHEDULES', filter, 'schedules')) as ScheduleStatus[];
  }

  /** As below, with an object for each job that says how it ended; a job that fails doesn't end the run. */
  map<Name extends TaskName<Tasks>>(
    task: Name,
    items: Iterable<TaskArguments<Tasks[Name]>> | AsyncIterable<TaskArguments<Tasks[Name]>>,
    options: SettledMapOptions,
  ): AsyncGenerator<Settled<TaskResult<Tasks[Name]>>, void, undefined>;
  /**
   * Runs a job for each item, and gives the results in the order of the items, or, with `ordered: false`, as they come. Memory is bounded:
   * `window` jobs (1,000) are under way, and at most ten times as many results, or 64 Mi characters of them, wait for an earlier one or for the
   * loop; items are taken from their source only as there is room.
   *
   * The first job that fails ends the run: the loop throws its error as soon as it is known. With `settle: true` each job gives an object that
   * says how it ended instead. What no job could get past (`UNKNOWN_TASK`, `NO_NODE`, `UNAUTHORIZED`, ...), and an error of the source, ends the
   * run either way. A node that is busy is asked again.
   *
   * A run that ends early, by an error, an abort or `break`, submits no more and **cancels the jobs under way**; not so with `keys: false`: then
   * they run on. Nodes keep no outcomes of these jobs, unless `ttl` says so. A job may run twice when a node is lost.
   */
  map<Name extends TaskName<Tasks>>(
    task: Name,
    items: Iterable<TaskArguments<Tasks[Name]>> | AsyncIterable<TaskArguments<Tasks[Name]>>,
    options?: MapOptions,
  ): AsyncGenerator<TaskResult<Tasks[Name]>, void, undefined>;
  map(
    task: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    options: MapOptions | SettledMapOptions = {},
  ): AsyncGenerator<never, void, undefined> {
    const spelled = spellOptions({ ttl: mapTtl, ...options }, 'map');
    const { window = windowDefault, ordered = true, settle = false, keys = true, signal } = options;
    if (!Number.isInteger(window) || window < 1 || window > windowMax)
      throw new BadInputError('BAD_OPTION', `window is a whole number from 1 to ${windowMax}`);
    if (!isIterable(items))
      throw new BadInputError('BAD_REQUEST', 'items are an iterable or an async iterable');
    nameOf('task', task);
    const requestOf = (item: unknown): ClientRequest => {
      const request = submission('RUN', task, item, spelled);
      return keys ? withOwnKey(request) : request;
    };
    const plan = { items, requestOf, window, ordered, settle, signal };
    return mapJobs(this.#calls, plan) as AsyncGenerator<never, void, undefined>;
  }

  /** The members of the cluster, as the node that answers sees them. */
  async nodes(options: CallOptions = {}): Promise<NodeStatus[]> {
    return (await this.#list('NODES', options, 'none')) as NodeStatus[];
  }

  /** The tasks on offer, and which nodes offer them. */
  async tasks(options: CallOptions = {}): Promise<TaskOffer[]> {
    return (await this.#list('TASKS', options, 'none')) as TaskOffer[];
  }

  /** Facts and counters of the node that answers. */
  async info(options: CallOptions = {}): Promise<NodeInfo> {
    return (await this.#list('INFO', options, 'none')) as NodeInfo;
  }

  /** Has a node finish what it runs and take nothing new; without a name, the one that this client talks to. */
  drain(node?: string | null, options: CallOptions = {}): Promise<void> {
    return this.#tellNode('DRAIN', node, options);
  }

  /** Has a node that drains take jobs again; without a name, the one that this client talks to. */
  resume(node?: string | null, options: CallOptions = {}): Promise<void> {
    return this.#tellNode('RESUME', node, options);
  }

  /** Has the node that this client talks to leave the cluster and end. Resolves at once, with what becomes of its jobs. */
  async leave(options: CallOptions = {}): Promise<LeavePlan> {
    spellOptions(options, 'none');
    const text = await this.#calls.text({ verb: 'LEAVE', operands: [], signal: options.signal });
    return parsed(text) as LeavePlan;
  }

  /**
   * Closes the connection; calls that are not answered reject with `UnavailableError`. Waits before that for the cancels that aborts have
   * caused, for 3 s at most. Jobs that were submitted go on.
   */
  close(): Promise<void> {
    return this.#calls.close();
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #list(verb: string, options: CallOptions, call: keyof typeof optionNames): Promise<unknown> {
    const spelled = spellOptions(options, call);
    return this.#calls.json({ verb, options: spelled, signal: options.signal });
  }

  async #tellNode(verb: string, node: string | null | undefined, options: CallOptions): Promise<void> {
    spellOptions(options, 'none');
    const operands = node === undefined || node === null ? [] : [nameOf('node', node)];
    await this.#calls.text({ verb, operands, signal: options.signal });
  }
}

function submission(
  verb: 'SUBMIT' | 'RUN' | 'SCHEDULE',
  task: string,
  args: unknown,
  options: ClientRequest['options'],
): ClientRequest {
  return { verb, operands: [nameOf('task', task)], options: options ?? [], payload: encodeArguments(args) };
}

function isIterable(items: unknown): boolean {
  // A text is iterable too, character by character, which nobody means.
  return (
    typeof items === 'object' && items !== null && (Symbol.iterator in items || Symbol.asyncIterator in items)
  );
}
