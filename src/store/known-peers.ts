import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readAddress } from '../core/address.js';
import { limits } from '../core/limits.js';
import { readTextFile } from './durable-file.js';

/** In a node's data directory. */
const fileName = 'peers.json';
const version = 1;

/** Where the other nodes were when this one ran last. Not worth a failed start: what can't be read is told, and counts as nothing. */
export function readKnownPeers(directory: string, damaged: (why: string) => void): string[] {
  try {
    const text = readTextFile(join(directory, fileName));
    if (text === null) return [];
    const { version: found, peers } = (JSON.parse(text) ?? {}) as Record<string, unknown>;
    if (found !== version || !Array.isArray(peers)) throw new Error('it holds no list of this version');
    return peers
      .filter((peer) => typeof peer === 'string' && readAddress(peer) !== null)
      .slice(0, limits.knownPeersMax);
  } catch (error) {
    damaged((error as Error).message);
    return [];
  }
}

/** After a failure the last that was given is tried again. */
const againMs = 60_000;
/** A disk that hangs keeps no process from ending: what is lost is little. */
const closeMsMax = 1_000;

/** Keeps where the other nodes are, for the next start. */
export class KnownPeersFile {
  private readonly path: string;
  private next: readonly string[] | null = null;
  private writing: Promise<void> | null = null;
  private again: NodeJS.Timeout | null = null;

  constructor(
    directory: string,
    private readonly failed: (error: Error) => void,
  ) {
    this.path = join(directory, fileName);
  }

  /** The last that was given is what stands there in the end. Never throws, and holds nothing up: a full disk is told. */
  keep(addresses: readonly string[]): void {
    this.next = addresses;
    if (this.again !== null) clearTimeout(this.again);
    this.again = null;
    this.writing ??= this.writeAll();
  }

  /** What was given is there, can't be, or takes too long. */
  async close(atOnce: boolean): Promise<void> {
    if (this.again !== null) clearTimeout(this.again);
    if (this.writing === null || atOnce) return;
    let late: NodeJS.Timeout | undefined;
    const isLate = new Promise<void>((resolve) => {
      late = setTimeout(resolve, closeMsMax);
    });
    await Promise.race([this.writing, isLate]);
    clearTimeout(late);
  }

  /** Whole after a crash at any moment, the old or the new one; not by the steps of `writeFileDurably`, which hold up the thread. */
  private async writeAll(): Promise<void> {
    for (let peers = this.next; peers !== null; peers = this.next) {
      this.next = null;
      const unfinished = `${this.path}.new`;
      try {
        await writeSynced(unfinished, `${JSON.stringify({ version, peers })}\n`);
        await rename(unfinished, this.path);
      } catch (error) {
        await rm(unfinished, { force: true }).catch(() => {});
        this.failed(error as Error);
        if (this.next === null) this.tryAgain(peers);
      }
    }
    this.writing = null;
  }

  private tryAgain(peers: readonly string[]): void {
    this.again = setTimeout(() => this.keep(peers), againMs);
    this.again.unref();
  }
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
