import { spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientTokenOf, parseKeys } from '../../src/net/cluster-key.js';
import { makeKey, membersAt, waitUntil } from '../../test/support/cluster.js';
import { type ClusterNode, startNode } from '../../test/support/cluster-node.js';
import { type Network, startNetwork } from '../../test/support/netns/network.js';
import type { EntryAddress } from './entry.js';
import { writeNoteTask } from './note-task.js';

export interface SoakNodesOptions {
  readonly nodes: number;
  /** Each node gets a host and a cable of its own, so that they can be parted. Else all are on loopback. */
  readonly hasNetwork: boolean;
  /** The node whose data directory is on a small disk of its own; null: none's. */
  readonly smallDisk: number | null;
  /** More arguments of `rondo start`. */
  readonly args?: readonly string[];
}

interface Place {
  readonly name: string;
  readonly peer: string;
  readonly client: string;
  readonly dataDirectory: string;
  readonly within: readonly string[];
}

const smallDiskBytes = 48 * 1024 * 1024;
/** Longer than any job takes; over it a node goes all the same, before it is taken for hung. */
const drainTimeout = '5s';
const agreementTimeoutMs = 45_000;
const agreementPollMs = 100;
/** Under the ports that a system gives to outgoing connections, or one of these could take that of a node which is down. */
const firstPort = 20_000;
const portCount = 10_000;

/** The nodes of a soak, started from the command line, with data directories; each keeps its name, addresses and data. */
export class SoakNodes {
  /** By place; of one that is down, the process that has ended. */
  readonly #nodes: ClusterNode[] = [];

  /** Makes all that they need, and starts none. */
  static async prepare(options: SoakNodesOptions): Promise<SoakNodes> {
    const directory = mkdtempSync(join(tmpdir(), 'rondo-soak-'));
    const network = options.hasNetwork ? await startNetwork({ hosts: options.nodes }) : null;
    const places: Place[] = [];
    for (let index = 0; index < options.nodes; index++) {
      const name = String.fromCharCode('a'.charCodeAt(0) + index);
      const host = network?.hosts[index];
      const isSmall = index === options.smallDisk;
      const disk = isSmall ? mountSmallDisk(directory) : directory;
      places.push({
        name,
        peer: host === undefined ? await freeAddress() : `${host.address}:7410`,
        client: host === undefined ? await freeAddress() : `${host.controlAddress}:7411`,
        dataDirectory: join(disk, `${name}.data`),
        within: host?.within ?? [],
      });
    }
    return new SoakNodes(directory, places, network, options);
  }

  readonly #keyFile: string | null;
  readonly #token: string | null;
  readonly #tasks: string;
  readonly #removeDirectory = (): void => {
    this.#removeDisk();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  };

  private constructor(
    readonly directory: string,
    private readonly places: readonly Place[],
    private readonly network: Network | null,
    private readonly options: SoakNodesOptions,
  ) {
    process.once('exit', this.#removeDirectory);
    this.#tasks = writeNoteTask(directory);
    this.#keyFile = network === null ? null : makeKey(directory);
    this.#token = this.#keyFile === null ? null : tokenOf(this.#keyFile);
  }

  get count(): number {
    return this.places.length;
  }

  nameOf(place: number): string {
    return this.#placeAt(place).name;
  }

  addressOf(place: number): EntryAddress {
    return { client: this.#placeAt(place).client, token: this.#token };
  }

  /** The process at this place now, or the last one. */
  at(place: number): ClusterNode {
    const node = this.#nodes[place];
    if (node === undefined) throw new Error(`node ${this.nameOf(place)} was never started`);
    return node;
  }

  isUp(place: number): boolean {
    const child = this.#nodes[place]?.child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Starts the node of this place, with whatever it had kept. It joins by the first three others, which may be down too. */
  async start(place: number): Promise<void> {
    const { name, peer, client, dataDirectory, within } = this.#placeAt(place);
    const { args = [] } = this.options;
    this.#nodes[place] = await startNode({
      name,
      directory: this.directory,
      listen: peer,
      client,
      ...(this.#token === null ? {} : { token: this.#token }),
      join: this.places
        .filter((other) => other.name !== name)
        .slice(0, 3)
        .map((other) => other.peer),
      args: [
        ...['--data', dataDirectory, '--tasks', this.#tasks, '--drain-timeout', drainTimeout],
        ...(this.#keyFile === null ? [] : ['--key-file', this.#keyFile]),
        ...args,
      ],
      within,
    });
  }

  async startAll(): Promise<void> {
    await Promise.all(this.places.map((_, place) => this.start(place)));
  }

  /** Resolves when all show all others as alive. */
  async untilAgreed(): Promise<void> {
    await Promise.all(this.places.map((_, place) => this.#untilSeesAll(place)));
  }

  /** The names that this node shows as alive. */
  async aliveAt(place: number): Promise<string[]> {
    const members = await membersAt(this.addressOf(place));
    return members.filter(({ state }) => state === 'alive').map(({ name }) => name);
  }

  /** Nothing passes between these and the others from now on. Clients reach all. */
  cutOff(apart: readonly number[]): void {
    if (this.network === null) throw new Error('these nodes have no network of their own');
    const { hosts } = this.network;
    const these = hosts.filter((_, place) => apart.includes(place));
    const those = hosts.filter((_, place) => !apart.includes(place));
    this.network.cut(these, those);
    this.network.cut(those, these);
  }

  heal(): void {
    this.network?.heal();
  }

  /** Fills the small disk to the last byte. Throws when that was not to be had. */
  fillDisk(): void {
    const file = openSync(this.#filler(), 'w');
    try {
      for (const chunk of [Buffer.alloc(1 << 20, 1), Buffer.alloc(1 << 10, 1)]) fill(file, chunk);
    } finally {
      closeSync(file);
    }
  }

  emptyDisk(): void {
    rmSync(this.#filler(), { force: true });
  }

  /** What each node has logged last, for a run that failed. */
  logs(): Map<string, string> {
    return new Map(this.#nodes.map((node) => [node.name, node.logs()]));
  }

  /** Ends all that is left. */
  async stop(keepsDirectory: boolean): Promise<void> {
    const started = this.#nodes.filter((node) => node !== undefined);
    for (const node of started) node.kill('SIGKILL');
    await Promise.all(started.map((node) => node.ended));
    await this.network?.close();
    const disk = smallDiskIn(this.directory);
    if (this.options.smallDisk !== null) {
      // What is on it goes with it.
      this.emptyDisk();
      if (keepsDirectory) cpSync(disk, join(this.directory, 'small-disk-kept'), { recursive: true });
    }
    process.off('exit', this.#removeDirectory);
    if (keepsDirectory) this.#removeDisk();
    else this.#removeDirectory();
  }

  /** Even if a node that is about to end still uses it. */
  #removeDisk(): void {
    if (this.options.smallDisk !== null) spawnSync('umount', ['-l', smallDiskIn(this.directory)]);
  }

  #placeAt(index: number): Place {
    const place = this.places[index];
    if (place === undefined) throw new Error(`there is no node ${index}`);
    return place;
  }

  #filler(): string {
    if (this.options.smallDisk === null) throw new Error('no node has a small disk');
    return join(smallDiskIn(this.directory), 'filler');
  }

  async #untilSeesAll(place: number): Promise<void> {
    let shown: readonly string[] = [];
    const seesAll = async (): Promise<boolean> => {
      if (!this.isUp(place)) throw new Error(`${this.nameOf(place)} has ended`);
      shown = await this.aliveAt(place);
      return shown.length === this.count;
    };
    await waitUntil(`${this.nameOf(place)} shows all as alive`, seesAll, {
      timeoutMs: agreementTimeoutMs,
      everyMs: agreementPollMs,
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it shows ${shown.join(', ')}`, { cause: error });
    });
  }
}

function tokenOf(keyFile: string): string {
  const [key] = parseKeys(readFileSync(keyFile, 'utf8'));
  if (key === undefined) throw new Error('keygen has made no key');
  return clientTokenOf(key);
}

function smallDiskIn(directory: string): string {
  return join(directory, 'small-disk');
}

/** A file system in memory. Only in a namespace of mounts: it goes with the last process there. */
function mountSmallDisk(directory: string): string {
  const path = smallDiskIn(directory);
  mkdirSync(path);
  const { status, stderr } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', `size=${smallDiskBytes}`, 'tmpfs', path],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`the small disk can't be mounted: ${stderr.trim()}`);
  return path;
}

/** Writes until the disk says that it is full. */
function fill(file: number, chunk: Buffer): void {
  for (let bytes = 0; bytes <= smallDiskBytes; bytes += chunk.length) {
    try {
      writeSync(file, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
  throw new Error(`the small disk took over ${smallDiskBytes} bytes and was not full`);
}

async function freeAddress(): Promise<string> {
  for (;;) {
    const port = firstPort + Math.floor(Math.random() * portCount);
    if (await isFree(port)) return `127.0.0.1:${port}`;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
