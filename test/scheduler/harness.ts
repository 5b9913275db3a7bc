import { EventEmitter, once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientCommand } from '../../src/core/commands.js';
import type { AttemptStart } from '../../src/core/effects.js';
import type { RunId } from '../../src/core/ids.js';
import type { AttemptOutcome } from '../../src/core/jobs/record.js';
import { limits } from '../../src/core/limits.js';
import type { Payload } from '../../src/core/payload.js';
import { createScheduler, type SchedulerOptions } from '../../src/scheduler/create-scheduler.js';
import type { AttemptLogEntry, Scheduler } from '../../src/scheduler/scheduler.js';

/** Handlers are fixtures as they are: the compiled tests read them from the sources. */
export const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../../../test/fixtures/tasks');

export interface LogLine {
  readonly level: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A scheduler that remembers all it told, and can be waited on. */
export class TestScheduler {
  readonly scheduler: Scheduler;
  readonly outcomes = new Map<RunId, AttemptOutcome>();
  readonly started: RunId[] = [];
  readonly endedInOrder: RunId[] = [];
  readonly progress: { run: RunId; value: string }[] = [];
  readonly calls: { run: RunId; call: number; command: ClientCommand }[] = [];
  readonly chunks: { run: RunId; chunk: Payload }[] = [];
  readonly attemptLogs: AttemptLogEntry[] = [];
  readonly logs: LogLine[] = [];
  private readonly told = new EventEmitter();
  private lastRun = 0;

  constructor(options: Partial<SchedulerOptions> = {}) {
    this.told.setMaxListeners(0);
    this.scheduler = createScheduler({
      node: 'test',
      threads: 1,
      concurrency: 16,
      taskDirs: [join(fixtures, 'sound')],
      commands: [],
      memoryMbMax: 64,
      abortGraceMs: 5_000,
      log: (level, text, fields) => {
        this.logs.push({ level, text, fields });
        this.told.emit('told');
      },
      listener: {
        attemptStarted: (run) => this.started.push(run),
        attemptEnded: (run, outcome) => {
          if (this.outcomes.has(run)) throw new Error(`run ${run} ended twice`);
          this.outcomes.set(run, outcome);
          this.endedInOrder.push(run);
          this.told.emit('told');
        },
        attemptCall: (run, call, command) => {
          this.calls.push({ run, call, command });
          this.told.emit('told');
        },
        attemptChunk: (run, chunk) => {
          // As a node does when the first one comes.
          if (!this.chunks.some((each) => each.run === run))
            this.scheduler.giveRoom(run, limits.itemWindowBytes);
          this.chunks.push({ run, chunk });
          this.told.emit('told');
        },
        attemptProgress: (run, value) => {
          this.progress.push({ run, value });
          this.told.emit('told');
        },
        attemptLog: (entry) => {
          this.attemptLogs.push(entry);
          this.told.emit('told');
        },
      },
      ...options,
    });
  }

  start(task: string, args: unknown = null, fields: Partial<AttemptStart> = {}): RunId {
    const run = ++this.lastRun;
    this.scheduler.start({
      type: 'start_attempt',
      run,
      job: `job-${run}`,
      attempt: 1,
      task,
      args: args instanceof Uint8Array ? args : JSON.stringify(args),
      priority: 0,
      isolate: false,
      ...fields,
    });
    return run;
  }

  /** Starts an attempt and waits for how it ends. */
  run(task: string, args: unknown = null, fields: Partial<AttemptStart> = {}): Promise<AttemptOutcome> {
    return this.outcome(this.start(task, args, fields));
  }

  async outcome(run: RunId): Promise<AttemptOutcome> {
    await this.until(() => this.outcomes.has(run));
    return this.outcomes.get(run) as AttemptOutcome;
  }

  /** Until a handler has said by `ctx.progress` that it runs. */
  async begun(run: RunId): Promise<void> {
    await this.until(() => this.progress.some((each) => each.run === run));
  }

  async logged(text: RegExp): Promise<LogLine> {
    const find = () => this.logs.find((line) => text.test(line.text));
    await this.until(() => find() !== undefined);
    return find() as LogLine;
  }

  /** Looks again each time the scheduler has told something. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await once(this.told, 'told');
  }
}
