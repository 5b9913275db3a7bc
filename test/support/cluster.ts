import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClusterNode, rondoPath, startNode } from './cluster-node.js';
import { connectLines } from './line-connection.js';
import { waitUntil } from './wait-until.js';

export type { ClusterNode, NodeEnd } from './cluster-node.js';
export { type WaitOptions, waitUntil } from './wait-until.js';

/** Real nodes on this machine, started from the command line; `stop` ends them all and removes what they wrote. */
export interface Cluster {
  /** Removed by `stop`. */
  readonly directory: string;
  readonly nodes: ClusterNode[];
  /** The cluster's key, with `tls: true`. */
  readonly keyFile: string | null;
  /** Starts one more node, joined to those that run; it is the last of `nodes` then. */
  add(name?: string, args?: readonly string[]): Promise<ClusterNode>;
  /**
   * Starts a node that has ended again, with its name, its data and its peer port; it takes its place in `nodes`. It joins by
   * the others, unless it is to find them itself.
   */
  restart(node: ClusterNode, how?: { readonly withoutSeed: boolean }): Promise<ClusterNode>;
  /** Resolves when each of these nodes (all, when not said) shows exactly `alive` alive members. */
  untilAlive(alive: number, seenBy?: readonly ClusterNode[]): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  readonly nodes?: number;
  /** More arguments of `rondo start`, for all nodes or by a node's place. */
  readonly args?: readonly string[] | ((index: number) => readonly string[]);
  /** True: a fresh key, and so TLS on every link. */
  readonly tls?: boolean;
  /** `node-1` and so on when not said. */
  readonly names?: readonly string[];
  /** As for a node. */
  readonly within?: readonly string[];
}

/** A member as NODES tells it; programs may rely on these fields. */
export interface MemberShown {
  readonly id: string;
  readonly name: string;
  readonly state: 'alive' | 'suspect' | 'dead' | 'left';
  readonly incarnation: number;
  readonly address: string;
  readonly client: string;
  readonly tags: unknown;
  readonly tasks: unknown;
  readonly draining: boolean;
}

const membershipTimeoutMs = 15_000;

/** Starts the nodes one joined to the first, and waits until all know each other. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-cluster-'));
  const removeDirectory = (): void => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', removeDirectory);
  const nodes: ClusterNode[] = [];
  const keyFile = options.tls === true ? makeKey(directory) : null;
  const peers = (but: string): string[] =>
    nodes
      .filter((node) => node.name !== but && isRunning(node))
      .map((node) => node.peer)
      .slice(0, 3);
  const start = (
    name: string,
    args: readonly string[],
    { listen = '127.0.0.1:0', join = peers(name) } = {},
  ): Promise<ClusterNode> =>
    startNode({
      name,
      directory,
      listen,
      within: options.within ?? [],
      join,
      args: [...(keyFile === null ? [] : ['--key-file', keyFile]), ...args],
    });
  const argumentsOf = (index: number): readonly string[] =>
    typeof options.args === 'function' ? options.args(index) : (options.args ?? []);

  const cluster: Cluster = {
    directory,
    nodes,
    keyFile,
    add: async (name = `node-${nodes.length + 1}`, args = argumentsOf(nodes.length)) => {
      const node = await start(name, args);
      nodes.push(node);
      return node;
    },
    restart: async (old, { withoutSeed } = { withoutSeed: false }) => {
      const index = nodes.indexOf(old);
      const join = withoutSeed ? [] : peers(old.name);
      const node = await start(old.name, argumentsOf(index), { listen: old.peer, join });
      nodes[index] = node;
      return node;
    },
    untilAlive: async (alive, seenBy = nodes) => {
      await Promise.all(seenBy.map((node) => untilAliveAt(node, alive)));
    },
    stop: async () => {
      for (const node of nodes) if (isRunning(node)) node.kill('SIGKILL');
      await Promise.all(nodes.map((node) => node.ended));
      removeDirectory();
      process.off('exit', removeDirectory);
    },
  };
  try {
    for (let index = 0; index < (options.nodes ?? 3); index++) await cluster.add(options.names?.[index]);
    await cluster.untilAlive(nodes.length);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Where to send requests, and what to say first. */
export type ClientPort = Pick<ClusterNode, 'client'> & Partial<Pick<ClusterNode, 'token'>>;

/** Sends one request on a connection of its own and gives the reply's line, `OK ...` or `ERR ...`. */
export async function request(node: ClientPort, line: string, timeoutMs?: number): Promise<string> {
  const connection = await connectLines(node.client);
  try {
    if (typeof node.token === 'string') {
      connection.send(`AUTH ${node.token}`);
      await connection.next();
    }
    connection.send(line);
    return await connection.next(timeoutMs);
  } finally {
    connection.close();
  }
}

/** The same for a request whose reply is `OK` and one JSON value; rejects with the reply when it is an error. */
export async function requestJson<Value>(node: ClientPort, line: string): Promise<Value> {
  const reply = await request(node, line);
  if (!reply.startsWith('OK ')) throw new Error(`${line}: ${reply}`);
  return JSON.parse(reply.slice(3)) as Value;
}

/** The members as this node knows them. */
export function membersAt(node: ClientPort): Promise<MemberShown[]> {
  return requestJson<MemberShown[]>(node, 'NODES');
}

/** Waits until each of these nodes shows `name` in this state; gives the milliseconds that took. */
export async function untilState(
  seenBy: readonly ClusterNode[],
  name: string,
  state: MemberShown['state'],
): Promise<number> {
  const startedAtMs = performance.now();
  const isSeenBy = async (node: ClusterNode): Promise<boolean> =>
    (await membersAt(node)).some((member) => member.name === name && member.state === state);
  await Promise.all(
    seenBy.map((node) =>
      waitUntil(`${node.name} shows ${name} as ${state}`, () => isSeenBy(node), {
        timeoutMs: membershipTimeoutMs,
      }),
    ),
  );
  return performance.now() - startedAtMs;
}

function untilAliveAt(node: ClusterNode, alive: number): Promise<unknown> {
  return waitUntil(
    `${node.name} knows of ${alive} alive members`,
    async () => (await membersAt(node)).filter(({ state }) => state === 'alive').length === alive,
    { timeoutMs: membershipTimeoutMs },
  );
}

function isRunning(node: ClusterNode): boolean {
  return node.child.exitCode === null && node.child.signalCode === null;
}

/** Makes a cluster key in this directory, and gives the path of its file. */
export function makeKey(directory: string): string {
  const keyFile = join(directory, 'cluster.key');
  const { status, stderr } = spawnSync(process.execPath, [rondoPath, 'keygen', keyFile], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`rondo keygen failed: ${stderr}`);
  return keyFile;
}
