import type { TaskModule } from '../scheduler/task-module.js';
import type { Logger } from './logging.js';

/** A node that is up: its real addresses, and the ways to end it. */
export interface RunningNode {
  readonly name: string;
  readonly id: string;
  readonly pid: number;
  /** `host:port` */
  readonly peer: string;
  readonly client: string;
  readonly http: string | null;
  /** What clients must send with AUTH; null: nothing. */
  readonly clientToken: string | null;
  /** Resolves to the exit code, once everything is closed. */
  readonly stopped: Promise<number>;
  /** Finishes what is here within the time set for it, tells the others, and ends. */
  drainAndLeave(): void;
  /** Ends at once; the others find out by themselves. */
  stopNow(): void;
}

/** What a program that starts a node within itself gives it beside settings. Such a node leaves the process alone. */
export interface Embedding {
  readonly functions: ReadonlyMap<string, TaskModule>;
  readonly logger: Logger;
}
