import type { TaskContext, TaskLog } from '../scheduler/task-context.js';
import type { Duration } from './options.js';
import type { TaskFunction } from './task-types.js';

export type { TaskContext, TaskLog };

/** A function as a task: it gets the arguments of the job and a context, and what it returns or resolves to is the result. */
export type TaskHandler = (args: never, context: TaskContext) => unknown;

/** A function as a task, with what its jobs have where they say nothing else. */
export interface TaskDefinition {
  /** The function. */
  readonly run: TaskHandler;
  /** How many of its attempts this node runs at once. Default: as many as it may run of all. */
  readonly concurrency?: number;
  /** Limit of one attempt. Default 10 minutes. */
  readonly timeout?: Duration;
  /** Further attempts after a failed one. Default 0. */
  readonly retries?: number;
}

/** Tasks by their names. */
export type TaskHandlers = Readonly<Record<string, TaskHandler | TaskDefinition>>;

/** The task map of handlers, for a client of theirs: `Client<TasksOf<typeof handlers>>`. */
export type TasksOf<Handlers> = {
  readonly [Name in keyof Handlers]: Handlers[Name] extends Pick<TaskDefinition, 'run'>
    ? Handlers[Name]['run']
    : Handlers[Name] extends TaskFunction
      ? Handlers[Name]
      : never;
};

/** A line that a node would log. */
export interface LogEntry {
  /** How bad it is. */
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** What happened, in words. */
  readonly text: string;
  /** What it was about: addresses, ids, counts, an `error`. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Settings of a group, under the names and in the units of config/rondo.yaml. */
export type SettingsGroup = Readonly<Record<string, string | number>>;

/** How a node within a program is started. All of it is what `rondo start` calls so too, and README and config/rondo.yaml explain. */
export interface NodeOptions<Handlers extends TaskHandlers = TaskHandlers> {
  /** Functions as tasks. They run on the thread of the program: one that blocks, blocks the node too, and others take it for dead. */
  // Both: `Handlers` alone is not known yet where the compiler looks for the type of a parameter `ctx` that says none.
  readonly tasks?: (Handlers & TaskHandlers) | undefined;
  /** Its name, different from all others of the cluster. Default: host name and peer port. */
  readonly name?: string | undefined;
  /** The cluster that it belongs to. Default `rondo`. */
  readonly cluster?: string | undefined;
  /** Where other nodes reach it. Default `127.0.0.1:0`, a free port. */
  readonly listen?: string | undefined;
  /** Where clients reach it. Default `127.0.0.1:0`. */
  readonly listenClient?: string | undefined;
  /** Where /healthz, /readyz and /metrics are served. Default: nowhere. */
  readonly http?: string | undefined;
  /** Peer addresses of some nodes that are there already. */
  readonly join?: string | readonly string[] | undefined;
  /** The address that other nodes are told to dial, where it isn't that of `listen`. */
  readonly advertise?: string | undefined;
  /** A file with the key of the cluster. Without a key a node keeps to loopback. */
  readonly keyFile?: string | undefined;
  /** The key itself. */
  readonly key?: string | undefined;
  /** What clients must send with AUTH. Default: what follows from the key where clients reach it from beyond loopback. */
  readonly clientToken?: string | undefined;
  /** A directory of its own, for its identity and its journal. Default: none; then it keeps jobs in memory only. */
  readonly data?: string | undefined;
  /** Directories of task files. */
  readonly taskDirectories?: readonly string[] | undefined;
  /** Threads that run task files and built-in tasks. Default 0: they run on the thread of the program too. */
  readonly threads?: number | undefined;
  /** Attempts at once; 0: it takes no jobs. Default 16, or 16 for each thread. */
  readonly concurrency?: number | undefined;
  /** What it is or has; a job with `on` runs only where it fits. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** How long `stop` waits for what runs. Default 30 s. */
  readonly drainTimeout?: Duration | undefined;
  /** How long a task in a thread that was asked to stop may take before its thread is ended. Default 2 s. */
  readonly abortGrace?: Duration | undefined;
  /** Settings of the group `membership`: how soon a node that is gone is noticed. */
  readonly membership?: SettingsGroup | undefined;
  /** Settings of the group `jobs`: defaults of jobs, and how many are kept. */
  readonly jobs?: SettingsGroup | undefined;
  /** Settings of the group `limits`. */
  readonly limits?: SettingsGroup | undefined;
  /** True: what these options leave out is taken from RONDO_* variables of the environment, as `rondo start` does. Default false. */
  readonly environment?: boolean | undefined;
  /** Gets what the node would log, `debug` and what tasks log included. Default: nobody does. */
  readonly onLog?: ((entry: LogEntry) => void) | undefined;
}

/** Options of `stop`. */
export interface StopOptions {
  /** True: at once, without waiting for what runs, and without a goodbye; the others find out by themselves. Default false. */
  readonly now?: boolean | undefined;
}
