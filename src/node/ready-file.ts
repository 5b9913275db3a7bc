import { accessSync, constants, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { RondoError } from '../core/errors.js';

/** The file that says that a node is ready, and how to reach it. Without a path there is none. */
export class ReadyFile {
  private written: string | null = null;

  constructor(private readonly path: string | null) {}

  /**
   * Removes the one that a killed node left behind: who waits for the file must not take it for this start's. Call it
   * only once the node's ports are open, as until then another node may be using them and the file. What can't be removed
   * can't be replaced either, which `write` tells.
   */
  removeStale(): void {
    if (this.path === null) return;
    try {
      rmSync(this.path, { force: true });
    } catch {}
  }

  /** Before anything is opened: whether it could be written, as far as can be told. Throws a RondoError `BAD_CONFIG`. */
  check(): void {
    const { path } = this;
    if (path === null) return;
    try {
      accessSync(dirname(path), constants.W_OK | constants.X_OK);
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a directory');
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  /** Whole or not at all: who waits for the file must not read half of it. Throws a RondoError `BAD_CONFIG`. */
  write(node: object): void {
    const { path } = this;
    if (path === null) return;
    const text = `${JSON.stringify(node)}\n`;
    const unfinished = `${path}.${process.pid}`;
    try {
      writeFileSync(unfinished, text);
      renameSync(unfinished, path);
      this.written = text;
    } catch (cause) {
      rmSync(unfinished, { force: true });
      throw unwritable(path, cause);
    }
  }

  /** Removes it, if it is still the one that was written here. */
  remove(): void {
    const { path, written } = this;
    if (path === null || written === null) return;
    this.written = null;
    try {
      if (readFileSync(path, 'utf8') === written) rmSync(path, { force: true });
    } catch {
      // It is gone, or can't be had at: then there is nothing that this node could do about it.
    }
  }
}

function unwritable(path: string, cause: unknown): RondoError {
  const message = `the ready file ${path} can't be written: ${(cause as Error).message}`;
  return new RondoError('BAD_CONFIG', message, { cause });
}
