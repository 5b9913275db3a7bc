import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readAddress } from '../core/address.js';
import { limits } from '../core/limits.js';
import { readTextFile } from './durable-file.js';

/** In a node's data directory. */
const fileName = 'peers.json';
const version = 1;

/** Where the other nodes were when this one ran last. Not worth a failed start: what can't be read counts as nothing. */
export function readKnownPeers(directory: string): string[] {
  try {
    const content: unknown = JSON.parse(readTextFile(join(directory, fileName)) ?? '{}');
    const { version: found, peers } = content as { readonly version?: unknown; readonly peers?: unknown };
    if (found !== version || !Array.isArray(peers)) return [];
    return peers
      .filter((peer) => typeof peer === 'string' && readAddress(peer) !== null)
      .slice(0, limits.knownPeersMax);
  } catch {
    return [];
  }
}

/** Keeps where the other nodes are, for the next start. */
export class KnownPeersFile {
  private readonly path: string;
  private next: readonly string[] | null = null;
  private writing: Promise<void> | null = null;

  constructor(
    directory: string,
    private readonly failed: (error: Error) => void,
  ) {
    this.path = join(directory, fileName);
  }

  /** The last that was given is what stands there in the end. Never throws, and holds nothing up: a full disk is told. */
  keep(addresses: readonly string[]): void {
    this.next = addresses;
    this.writing ??= this.writeAll().finally(() => {
      this.writing = null;
    });
  }

  /** What was given is there, or can't be. */
  async close(): Promise<void> {
    await this.writing;
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
      }
    }
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
