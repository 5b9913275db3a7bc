import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { clientTokenOf, parseKeys } from '../../../src/net/cluster-key.js';
import { makeKey, membersAt } from '../cluster.js';
import { type ClusterNode, startNode } from '../cluster-node.js';
import { waitUntil } from '../wait-until.js';
import { type Host, type Network, type NetworkOptions, startNetwork } from './network.js';

/** Real nodes, each on a host of its own. They listen beyond loopback, so they have a key, and TLS on every link. */
export interface NetworkCluster {
  readonly network: Network;
  /** Removed at the end. */
  readonly directory: string;
  /** In the order of the hosts; `a`, `b` and so on. */
  readonly nodes: ClusterNode[];
  readonly hostOf: (node: ClusterNode) => Host;
  /** Starts the node of a host that has none, or had. It joins the others by their first three addresses. */
  start(host: Host, options?: StartOptions): Promise<ClusterNode>;
  /**
   * Resolves when each of these nodes (all, when not said) shows these (the same, when not said) as alive, and nobody else
   * as alive or suspect.
   */
  untilAgreed(seenBy?: readonly ClusterNode[], alive?: readonly ClusterNode[]): Promise<void>;
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly program?: string;
}

export interface NetworkClusterOptions extends NetworkOptions {
  /** More arguments of `rondo start`. */
  readonly args?: readonly string[];
  /** Nodes to start at once; those of all hosts when not said. */
  readonly nodes?: number;
}

const peerPort = 7410;
const clientPort = 7411;
const agreementTimeoutMs = 40_000;
const agreementPollMs = 100;

/** Starts all nodes at once, and waits until they know each other. They end with the test, and their network too. */
export async function networkClusterFor(t: Test, options: NetworkClusterOptions): Promise<NetworkCluster> {
  const cluster = await startNetworkCluster(t, options);
  await cluster.untilAgreed();
  return cluster;
}

/** The same, but resolves when all are ready, whomever they know by then. */
export async function startNetworkCluster(t: Test, options: NetworkClusterOptions): Promise<NetworkCluster> {
  const network = await startNetwork(options);
  const cluster = new HostedCluster(network, options.args ?? []);
  t.teardown(() => cluster.stop());
  const count = options.nodes ?? options.hosts;
  await Promise.all(network.hosts.slice(0, count).map((host) => cluster.start(host)));
  return cluster;
}

class HostedCluster implements NetworkCluster {
  readonly directory = mkdtempSync(join(tmpdir(), 'rondo-network-'));
  readonly nodes: ClusterNode[] = [];
  readonly #keyFile = makeKey(this.directory);
  readonly #token: string;

  constructor(
    readonly network: Network,
    private readonly args: readonly string[],
  ) {
    const [key] = parseKeys(readFileSync(this.#keyFile, 'utf8'));
    if (key === undefined) throw new Error('keygen has made no key');
    this.#token = clientTokenOf(key);
  }

  readonly hostOf = (node: ClusterNode): Host => {
    const host = this.network.hosts[this.nodes.indexOf(node)];
    if (host === undefined) throw new Error(`${node.name} has no host`);
    return host;
  };

  async start(host: Host, { args = [], program }: StartOptions = {}): Promise<ClusterNode> {
    const index = this.network.hosts.indexOf(host);
    const others = this.network.hosts.filter((other) => other !== host);
    const node = await startNode({
      name: String.fromCharCode('a'.charCodeAt(0) + index),
      directory: this.directory,
      listen: `${host.address}:${peerPort}`,
      client: `${host.controlAddress}:${clientPort}`,
      token: this.#token,
      join: others.slice(0, 3).map(({ address }) => `${address}:${peerPort}`),
      args: ['--key-file', this.#keyFile, '--log-level', 'debug', ...this.args, ...args],
      within: host.within,
      ...(program === undefined ? {} : { program }),
    });
    this.nodes[index] = node;
    return node;
  }

  async untilAgreed(seenBy: readonly ClusterNode[] = this.nodes, alive = seenBy): Promise<void> {
    const wanted = alive.map(({ name }) => `${name} alive`).sort();
    await Promise.all(
      seenBy.map((node) => {
        let shown: string[] = [];
        const agrees = async (): Promise<boolean> => {
          const members = await membersAt(node);
          const present = members.filter(({ state }) => state === 'alive' || state === 'suspect');
          shown = present.map(({ name, state }) => `${name} ${state}`).sort();
          return shown.join() === wanted.join();
        };
        return waitUntil(`${node.name} shows ${wanted.join(', ')}`, agrees, {
          timeoutMs: agreementTimeoutMs,
          everyMs: agreementPollMs,
        }).catch((error: Error) => {
          throw new Error(`${error.message}; it shows ${shown.join(', ')}`, { cause: error });
        });
      }),
    );
  }

  async stop(): Promise<void> {
    const started = this.nodes.filter((node) => node !== undefined);
    for (const node of started) node.kill('SIGKILL');
    await Promise.all(started.map((node) => node.ended));
    await this.network.close();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
