import { argsBytes, type JobRecord } from './record.js';

/** What an owner knows of one executor. */
export interface Executor {
  window: number;
  congested: boolean;
  hasContact: boolean;
  /** Number of the resync that has not been answered; until then its window is not known. 0: none. */
  resync: number;
  /** Number of the one that was answered last. */
  session: number;
  /** Arguments of what is outstanding. */
  outstandingBytes: number;
  /** Attempts sent there whose end has not been told. */
  readonly outstanding: Map<string, JobRecord>;
  /** How many of them have each priority over 0. */
  readonly raised: Map<number, number>;
}

export function newExecutor(): Executor {
  return {
    window: 0,
    congested: false,
    hasContact: false,
    resync: 0,
    session: 0,
    outstandingBytes: 0,
    outstanding: new Map(),
    raised: new Map(),
  };
}

export function noteSent(executor: Executor, record: JobRecord): void {
  const { id, priority } = record.spec;
  executor.outstanding.set(id, record);
  executor.outstandingBytes += argsBytes(record);
  if (priority > 0) executor.raised.set(priority, (executor.raised.get(priority) ?? 0) + 1);
}

export function noteSettled(executor: Executor, record: JobRecord): void {
  const { id, priority } = record.spec;
  executor.outstanding.delete(id);
  executor.outstandingBytes -= argsBytes(record);
  if (priority <= 0) return;
  const left = (executor.raised.get(priority) ?? 0) - 1;
  if (left > 0) executor.raised.set(priority, left);
  else executor.raised.delete(priority);
}

/** Whether a job of this priority goes before all that is outstanding there, at an executor that takes any. */
export function isUrgent({ window, congested, raised }: Executor, priority: number): boolean {
  if (window === 0 || congested) return false;
  for (const other of raised.keys()) if (other >= priority) return false;
  return true;
}
