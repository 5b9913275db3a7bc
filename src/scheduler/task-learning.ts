import { RondoError } from '../core/errors.js';
import type { SchedulerLog } from './attempt.js';
import { IgnoredReports } from './ignored-reports.js';
import { PoolThread, type ThreadOptions } from './pool-thread.js';
import { replayReports, type TaskFile, type TaskOptions } from './thread-messages.js';

/** A task file that is sound, and what its author set. */
export interface LearnedTask {
  readonly file: TaskFile;
  readonly options: TaskOptions;
}

export interface LearningOptions {
  readonly thread: Omit<ThreadOptions, 'start'>;
  readonly node: string;
  /** A file whose import takes longer is refused. */
  readonly importMsMax: number;
  readonly log: SchedulerLog;
  /** Gives up: ends the thread and rejects with a RondoError `CLOSED`. */
  readonly signal: AbortSignal;
}

/**
 * Learns what task files offer in a thread of its own, which is then ended: a node without work holds no thread.
 * A file that ends the thread by its import, or never finishes it, is refused like one that throws, and a new thread
 * goes on with the next; so there are at most as many threads as files, one at a time.
 */
export async function learnInThread(
  files: readonly TaskFile[],
  options: LearningOptions,
): Promise<readonly LearnedTask[]> {
  const tasks: LearnedTask[] = [];
  let rest = files;
  while (rest.length > 0) {
    if (options.signal.aborted)
      throw new RondoError('CLOSED', 'the scheduler was closed while it loaded tasks');
    const decided = await learnInOneThread(rest, tasks, options);
    rest = rest.slice(decided);
  }
  return tasks;
}

/** Resolves to how many of the files are decided: one at least, unless it is given up. */
function learnInOneThread(
  files: readonly TaskFile[],
  tasks: LearnedTask[],
  options: LearningOptions,
): Promise<number> {
  const { log, node, importMsMax, signal } = options;
  return new Promise((resolve, reject) => {
    const progress = new LearningProgress(files, tasks, log);
    let importTimer: NodeJS.Timeout | null = null;
    const thread = new PoolThread(
      0,
      false,
      { ...options.thread, start: { purpose: 'learn', node, files } },
      {
        batch(from, batch) {
          replayReports(batch, progress);
          if (progress.isReady) return from.end();
          if (importTimer !== null) clearTimeout(importTimer);
          importTimer = setTimeout(() => {
            progress.refuseCurrent(
              `its import took over ${importMsMax} ms; do long work inside the function`,
            );
            from.end();
          }, importMsMax);
        },
        output: (_, text) => log('info', 'A task file wrote a line while it was loaded.', { text }),
        exited(from) {
          if (importTimer !== null) clearTimeout(importTimer);
          signal.removeEventListener('abort', giveUp);
          if (signal.aborted) return resolve(progress.decided);
          const cause = from.fault === null ? 'it was stopped' : `${from.fault.name}: ${from.fault.message}`;
          progress.refuseCurrent(`its import ended the thread (${cause})`);
          if (progress.decided > 0) resolve(progress.decided);
          else
            reject(
              new RondoError('THREAD_START_FAILED', `no thread for task files could be started: ${cause}`),
            );
        },
      },
    );
    const giveUp = () => thread.end();
    signal.addEventListener('abort', giveUp);
  });
}

/** Follows a learning thread through its files. */
class LearningProgress extends IgnoredReports {
  decided = 0;
  isReady = false;
  private cause: string | null = null;
  private isImporting = false;
  private readonly files: readonly TaskFile[];
  private readonly tasks: LearnedTask[];
  private readonly nodeLog: SchedulerLog;

  constructor(files: readonly TaskFile[], tasks: LearnedTask[], log: SchedulerLog) {
    super();
    this.files = files;
    this.tasks = tasks;
    this.nodeLog = log;
  }

  override importing(): void {
    this.isImporting = true;
  }

  override learned(_path: string, options: TaskOptions): void {
    const file = this.files[this.decided] as TaskFile;
    this.tasks.push({ file, options });
    this.decide();
  }

  override rejected(path: string, reason: string): void {
    logRefusedFile(this.nodeLog, path, reason);
    this.decide();
  }

  override ready(): void {
    this.isReady = true;
  }

  override fault(name: string, message: string): void {
    this.cause = `${name}: ${message}`;
  }

  /** The thread has ended, or is about to: the file that it was importing is why. */
  refuseCurrent(reason: string): void {
    const file = this.files[this.decided];
    if (this.isImporting && file !== undefined) this.rejected(file.path, this.cause ?? reason);
  }

  private decide(): void {
    this.decided++;
    this.isImporting = false;
  }
}

/** Says once which file is no task, and why; the node goes on without it. */
export function logRefusedFile(log: SchedulerLog, path: string, reason: string): void {
  log('error', `The task file ${path} was not loaded: ${reason}`, { path, reason });
}
