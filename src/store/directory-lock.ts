import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RondoError } from '../core/errors.js';
import { readTextFile } from './durable-file.js';
import { newNodeId } from './node-ids.js';
import { isRunning, type RunningProcess, thisProcess } from './running-process.js';

/** Keeps a directory for one process. */
export interface DirectoryLock {
  /** A process that had it before did not give it free: it was killed, or its machine lost its power. */
  readonly wasLeft: boolean;
  /** Gives the directory free. Calling it again does nothing. */
  release(): void;
}

const fileName = 'lock';

/**
 * Takes the lock of a directory, or throws `DATA_DIR_IN_USE` with the process that has it. A holder that was killed is
 * known to be gone at once, by its process id and start. Processes are looked for on this machine and in this
 * container only: a directory shared between machines must be kept apart by its name.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const file = join(directory, fileName);
  const own = `${JSON.stringify({ ...thisProcess(), nonce: newNodeId() })}\n`;
  const aside = `${file}.${process.pid}`;
  let wasLeft = false;
  try {
    // Linking a written file puts it there whole or not at all; an open with O_EXCL would show an empty one.
    writeFileSync(aside, own, { mode: 0o600 });
    wasLeft = !linkIfFree(aside, file);
    if (wasLeft) replaceStaleLock(directory, file, aside);
  } finally {
    rmSync(aside, { force: true });
  }
  return {
    wasLeft,
    release: () => {
      if (readTextFile(file) === own) rmSync(file, { force: true });
    },
  };
}

/**
 * Of several processes that find the lock of a dead one, only the one that takes the second lock may replace it; it
 * looks again once it has it, as another may have been through. If it dies in between, its second lock is stale too,
 * and is simply removed: for two to pass there, one must die and two race within the same few instructions.
 */
function replaceStaleLock(directory: string, file: string, aside: string): void {
  refuseIfHeld(directory, file);
  const takeover = `${file}.takeover`;
  if (!linkIfFree(aside, takeover)) {
    refuseIfHeld(directory, takeover);
    rmSync(takeover, { force: true });
    if (!linkIfFree(aside, takeover)) throw inUse(directory, 'another process');
  }
  try {
    refuseIfHeld(directory, file);
    renameSync(aside, file);
  } finally {
    rmSync(takeover, { force: true });
  }
}

function linkIfFree(aside: string, file: string): boolean {
  try {
    linkSync(aside, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether a process has the directory now. Changes nothing. */
export function isDirectoryHeld(directory: string): boolean {
  return holderOf(join(directory, fileName)) !== null;
}

function refuseIfHeld(directory: string, file: string): void {
  const holder = holderOf(file);
  if (holder !== null) throw inUse(directory, `process ${holder.pid}`);
}

function holderOf(file: string): RunningProcess | null {
  const text = readTextFile(file);
  const holder = text === null ? null : parseHolder(text);
  return holder !== null && isRunning(holder) ? holder : null;
}

/** Locks appear whole, so one that can't be read was cut off by a crash of the machine, and its holder is gone. */
function parseHolder(text: string): RunningProcess | null {
  try {
    const { pid, birth } = JSON.parse(text);
    return Number.isInteger(pid) && pid > 0 ? { pid, birth: typeof birth === 'string' ? birth : null } : null;
  } catch {
    return null;
  }
}

function inUse(directory: string, holder: string): RondoError {
  return new RondoError(
    'DATA_DIR_IN_USE',
    `${directory} is in use by ${holder}; stop that node first, or give this one a directory of its own with --data`,
  );
}
