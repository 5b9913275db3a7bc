import { fail } from '../core/assert.js';
import type { AttemptStart } from '../core/effects.js';
import { RondoError } from '../core/errors.js';
import { namePattern, type RunId } from '../core/ids.js';
import type { AttemptOutcome } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { TaskOffer } from '../core/member.js';
import type { StopReason } from '../core/messages.js';
import { NumberTable } from '../core/number-table.js';
import type { Reply } from '../core/reply.js';
import { eachByItself, type Together } from '../core/together.js';
import {
  type Attempt,
  type Runner,
  type RunnerListener,
  type SchedulerLog,
  stoppedOutcome,
} from './attempt.js';
import { QueueEntry, TaskGate } from './attempt-queue.js';
import { AttemptSlots } from './attempt-slots.js';
import { builtinHandlers } from './builtin-tasks.js';
import { CommandRunner, type CommandTask } from './command-runner.js';
import { HandlerCalls } from './handler-calls.js';
import { handlerEnvironment } from './handler-env.js';
import { InlineRunner } from './inline-runner.js';
import { LentPlaces } from './lent-places.js';
import { defaultThreadPoolTuning, type ThreadPoolTuning } from './pool-tuning.js';
import type { Scheduler, SchedulerListener, SchedulerStats } from './scheduler.js';
import { findTaskFiles } from './task-files.js';
import { type LearnedTask, learnInThread, logRefusedFile } from './task-learning.js';
import { learnTasks, type TaskModule } from './task-module.js';
import type { TaskFile } from './thread-messages.js';
import { ThreadPool } from './thread-pool.js';

export interface SchedulerOptions {
  /** Name of this node, for `ctx.node`. */
  readonly node: string;
  /** Handler threads; 0 runs handlers on the calling thread. */
  readonly threads: number;
  /** Attempts that run at once on this node. */
  readonly concurrency: number;
  readonly taskDirs: readonly string[];
  readonly commands: readonly CommandTask[];
  /** Functions of the program that this node is part of; they run on its own thread, whatever `threads` is. */
  readonly functions?: ReadonlyMap<string, TaskModule>;
  /** Heap of one handler thread. */
  readonly memoryMbMax: number;
  /** From the signal that asks an attempt to stop to the end of its thread or program. */
  readonly abortGraceMs: number;
  readonly listener: SchedulerListener;
  readonly log: SchedulerLog;
  /** What a thread reports at once is handed over in it. */
  readonly together?: Together;
  readonly tuning?: Partial<SchedulerTuning>;
}

export interface SchedulerTuning extends ThreadPoolTuning {
  /** A task file whose import takes longer is refused. */
  readonly importMsMax: number;
}

const importMsMaxDefault = 30_000;

/** Makes a scheduler; no thread starts before there is work. Throws a RondoError `BAD_COMMAND` for a command task that can't be. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  for (const [index, command] of options.commands.entries()) {
    const fault = commandFault(command, options.commands.slice(0, index));
    if (fault !== null)
      throw new RondoError('BAD_COMMAND', `command task ${JSON.stringify(command.name)}: ${fault}`);
  }
  return new QueueingScheduler(options);
}

function commandFault({ name, command }: CommandTask, others: readonly CommandTask[]): string | null {
  if (!namePattern.test(name)) return 'a task name has 1 to 64 of A-Z a-z 0-9 _ . : / -';
  if (builtinHandlers.has(name)) return 'the name is that of a built-in task; choose another';
  if (others.some((other) => other.name === name)) return 'the name is given twice; rename one';
  if (command[0] === undefined || command[0] === '')
    return 'the program is missing; write command: [program, argument, ...]';
  if (command.some((part) => part.includes('\0')))
    return 'an argument has a NUL character, which no program can be given';
  return null;
}

/** Where attempts of a task go. */
interface Offered {
  readonly runner: Runner;
  readonly gate: TaskGate | null;
}

class QueueingScheduler implements Scheduler {
  private readonly options: SchedulerOptions;
  private readonly tuning: SchedulerTuning;
  private readonly attempts = new NumberTable<Attempt>();
  /** A Map: tasks may be called `constructor` or `__proto__`. */
  private readonly tasks = new Map<string, Offered>();
  private readonly offers: TaskOffer[] = [];
  private readonly slots: AttemptSlots;
  private readonly pool: ThreadPool | null;
  private readonly handlers: ThreadPool | InlineRunner;
  /** Null where there are none, and where `handlers` runs them. */
  private readonly functions: InlineRunner | null;
  private readonly commands: CommandRunner;
  private readonly closing = new AbortController();
  private closed: Promise<void> | null = null;
  private readonly places = new LentPlaces();
  private readonly calls: HandlerCalls;
  /** Outcomes known inside `start` or `stop`, told when the loop turns. */
  private untold: { readonly run: RunId; readonly outcome: AttemptOutcome }[] = [];

  constructor(options: SchedulerOptions) {
    this.options = options;
    this.tuning = { ...defaultThreadPoolTuning, importMsMax: importMsMaxDefault, ...options.tuning };
    const { node, threads, memoryMbMax, abortGraceMs, log } = options;
    const env = handlerEnvironment(process.env);
    const listener = this.runnerListener();
    const { tuning } = this;
    this.pool =
      threads === 0
        ? null
        : new ThreadPool({
            node,
            threads,
            memoryMbMax,
            abortGraceMs,
            env,
            listener,
            log,
            together: options.together ?? eachByItself,
            tuning,
          });
    const functions = options.functions ?? new Map<string, TaskModule>();
    const inline = (): InlineRunner => {
      return new InlineRunner(
        node,
        listener,
        [...functions].map(([name, { handler }]) => [name, handler] as const),
      );
    };
    this.handlers = this.pool ?? inline();
    this.functions = this.pool !== null && functions.size > 0 ? inline() : null;
    this.commands = new CommandRunner({ commands: options.commands, node, env, abortGraceMs, listener });
    for (const name of builtinHandlers.keys()) this.offer({ name }, this.handlers);
    for (const { name, command: _, env: __, cwd: ___, ...defaults } of options.commands) {
      this.offer({ name, ...defaults }, this.commands);
    }
    for (const [name, { options: defaults }] of functions) {
      this.offer({ name, ...defaults }, this.functions ?? this.handlers);
    }
    const { places } = this;
    this.slots = new AttemptSlots(Math.max(1, options.concurrency), places, (attempt) =>
      attempt.runner.begin(attempt),
    );
    this.calls = new HandlerCalls({
      places,
      placesChanged: () => this.slots.placesChanged(),
      ask: (run, call, command) => this.options.listener.attemptCall(run, call, command),
    });
  }

  async load(): Promise<readonly TaskOffer[]> {
    const { log, taskDirs, commands } = this.options;
    const taken = new Map<string, string>([
      ...[...builtinHandlers.keys()].map((name) => [name, 'a built-in task'] as const),
      ...[...(this.options.functions?.keys() ?? [])].map(
        (name) => [name, 'a function of this program'] as const,
      ),
      ...commands.map(({ name }) => [name, 'a command task of the configuration'] as const),
    ]);
    const { files, refused } = findTaskFiles(taskDirs, taken);
    for (const { path, reason } of refused) logRefusedFile(log, path, reason);
    const room = limits.tasksPerNodeMax - this.offers.length;
    for (const { path } of files.slice(room)) {
      logRefusedFile(log, path, `a node offers at most ${limits.tasksPerNodeMax} tasks; use several nodes`);
    }
    const learned = await this.learn(files.slice(0, room));
    this.handlers.offer(learned.map(({ file }) => file));
    for (const { file, options } of learned) this.offer({ name: file.name, ...options }, this.handlers);
    return this.offers;
  }

  start(start: AttemptStart): void {
    if (this.attempts.has(start.run)) fail(`run ${start.run} is started twice`);
    const offered = this.tasks.get(start.task);
    if (this.closing.signal.aborted) {
      this.tellLater(start.run, { type: 'displaced' });
      return;
    }
    if (offered === undefined) {
      const error = { name: 'UnknownTask', message: `this node has no task ${start.task}` };
      this.tellLater(start.run, { type: 'failed', error, final: false });
      return;
    }
    const { runner, gate } = offered;
    const entry = new QueueEntry(start.priority, gate);
    const attempt: Attempt = {
      start,
      runner,
      entry,
      stopping: null,
      calls: new Set(),
      waitingCalls: 0,
      release: null,
    };
    entry.attempt = attempt;
    this.attempts.set(start.run, attempt);
    this.slots.add(attempt);
  }

  stop(run: RunId, reason: StopReason): void {
    const attempt = this.attempts.get(run);
    if (attempt === undefined || attempt.stopping !== null) return;
    attempt.stopping = reason;
    if (attempt.release !== null) {
      attempt.runner.stop(attempt);
      return;
    }
    this.slots.withdraw(attempt);
    this.attempts.delete(run);
    this.tellLater(run, stoppedOutcome(reason));
  }

  giveRoom(run: RunId, upTo: number): void {
    const attempt = this.attempts.get(run);
    if (attempt !== undefined && attempt.release !== null) attempt.runner.giveRoom(attempt, upTo);
  }

  answer(call: number, reply: Reply): void {
    this.calls.answer(call, reply);
  }

  stats(): SchedulerStats {
    return {
      threads: this.pool?.threadCount ?? 0,
      running: this.slots.running,
      queued: this.attempts.size - this.slots.running,
      threadsEnded: this.pool?.threadsEnded ?? 0,
    };
  }

  threadHeapBytesMax(): number {
    return this.pool?.heapBytesMax ?? 0;
  }

  close({ atOnce = false }: { readonly atOnce?: boolean } = {}): Promise<void> {
    if (atOnce) this.commands.kill();
    this.closed ??= this.endAll();
    return this.closed;
  }

  private async endAll(): Promise<void> {
    this.closing.abort();
    for (const attempt of this.attempts.values()) {
      const { run } = attempt.start;
      if (attempt.release !== null) continue;
      this.slots.withdraw(attempt);
      this.attempts.delete(run);
      this.tellLater(run, { type: 'displaced' });
    }
    await Promise.all([this.handlers.close(), this.functions?.close(), this.commands.close()]);
    this.tell();
  }

  private learn(files: readonly TaskFile[]): Promise<readonly LearnedTask[]> {
    const { log, node, memoryMbMax } = this.options;
    if (this.pool === null) return learnInline(files, log);
    const { entry, importMsMax } = this.tuning;
    const env = handlerEnvironment(process.env);
    const thread = { entry, memoryMbMax, env };
    return learnInThread(files, { thread, node, importMsMax, log, signal: this.closing.signal });
  }

  private offer(offer: TaskOffer, runner: Runner): void {
    const gate = offer.concurrency === undefined ? null : new TaskGate(offer.concurrency);
    this.tasks.set(offer.name, { runner, gate });
    this.offers.push(offer);
  }

  private runnerListener(): RunnerListener {
    const { listener } = this.options;
    return {
      started: ({ start }) => listener.attemptStarted(start.run),
      ended: (attempt, outcome) => this.ended(attempt, outcome),
      progress: ({ start }, value) => listener.attemptProgress(start.run, value),
      chunk: ({ start }, chunk) => listener.attemptChunk(start.run, chunk),
      call: (attempt, call, request) => this.calls.begin(attempt, call, request),
      log: ({ start }, level, text) => {
        const { job, task, attempt } = start;
        listener.attemptLog({ job, task, attempt, level, text });
      },
    };
  }

  private ended(attempt: Attempt, outcome: AttemptOutcome): void {
    const { run } = attempt.start;
    if (!this.attempts.delete(run)) return;
    this.calls.attemptEnded(attempt);
    this.slots.ended(attempt);
    this.options.listener.attemptEnded(run, outcome);
  }

  private tellLater(run: RunId, outcome: AttemptOutcome): void {
    if (this.untold.length === 0) setImmediate(() => this.tell());
    this.untold.push({ run, outcome });
  }

  private tell(): void {
    const { untold } = this;
    this.untold = [];
    for (const { run, outcome } of untold) this.options.listener.attemptEnded(run, outcome);
  }
}

async function learnInline(files: readonly TaskFile[], log: SchedulerLog): Promise<readonly LearnedTask[]> {
  const tasks: LearnedTask[] = [];
  const byPath = new Map(files.map((file) => [file.path, file]));
  await learnTasks(files, {
    importing: () => {},
    learned: (path, options) => tasks.push({ file: byPath.get(path) as TaskFile, options }),
    rejected: (path, reason) => logRefusedFile(log, path, reason),
  });
  return tasks;
}
