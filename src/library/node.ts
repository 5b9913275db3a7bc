import { isWildcard, parseAddress } from '../core/address.js';
import { RondoError } from '../core/errors.js';
import type { Logger } from '../node/logging.js';
import type { RunningNode } from '../node/running-node.js';
import { Client } from './client.js';
import { NodeStartError } from './errors.js';
import type { NodeOptions, StopOptions, TaskHandlers, TasksOf } from './node-options.js';
import type { TaskFunction } from './task-types.js';

/**
 * A node within this program, with functions of it as tasks: a full member of its cluster, as one that `rondo start` has started.
 *
 * ```ts
 * const node = await Node.start({
 *   join: '10.0.0.1:7410',
 *   tasks: { add: async ({ a, b }: { a: number; b: number }) => a + b },
 * });
 * const client = await node.client();
 * const sum = await client.run('add', { a: 1, b: 2 });
 * await node.stop();
 * ```
 *
 * It leaves the process alone: it listens to no signals, writes to no standard output, and keeps nothing from ending once it is stopped. It goes
 * by its options only, not by the environment, where these don't say so. Any number of nodes may be in one process.
 *
 * Its functions share the thread of the program with it. What blocks that thread for longer than a second makes other nodes suspect that this one
 * is dead; such work belongs into task files, with `threads`.
 */
export class Node<Tasks extends Record<keyof Tasks, TaskFunction>> {
  /** Its name. */
  readonly name: string;
  /** Its id in the cluster. */
  readonly id: string;
  /** Where other nodes reach it, `host:port`: what they join by. */
  readonly peer: string;
  /** Where clients reach it, `host:port`. */
  readonly address: string;
  /** Where it serves /healthz, /readyz and /metrics, `host:port`; null where it doesn't. */
  readonly http: string | null;
  /** Resolves once it has ended, whatever made it: `stop`, a LEAVE of a client, or a fault that it can't go on with. Never rejects. */
  readonly stopped: Promise<void>;
  readonly #running: RunningNode;
  #hasEnded = false;
  readonly #clients = new Set<Client<never>>();

  private constructor(running: RunningNode) {
    this.#running = running;
    this.name = running.name;
    this.id = running.id;
    this.peer = running.peer;
    this.address = reachable(running.client);
    this.http = running.http;
    this.stopped = running.stopped.then(() => {
      this.#hasEnded = true;
    });
  }

  /** Starts a node; resolves once it is ready. Rejects with a `NodeStartError` whose code and sentence say what is wrong. */
  static async start<Handlers extends TaskHandlers = Record<never, never>>(
    options: NodeOptions<Handlers> = {},
  ): Promise<Node<TasksOf<Handlers>>> {
    // Only now: who imports the library for its client has no use for all of a node.
    const [{ startNode }, { functionsOf, plainMessage, settingsOf }] = await Promise.all([
      import('../node/start-node.js'),
      import('./node-settings.js'),
    ]);
    const functions = functionsOf(options);
    const { flags, env } = settingsOf(options, process.env);
    try {
      return new Node(await startNode(flags, env, { functions, logger: loggerOf(options) }));
    } catch (error) {
      if (!(error instanceof RondoError)) throw error;
      throw new NodeStartError(error.code, plainMessage(error.message), { cause: error });
    }
  }

  /** A client that talks to this node first, and knows the types of its functions. It is closed with the node. */
  async client<Known extends Record<keyof Known, TaskFunction> = Tasks>(): Promise<Client<Known>> {
    const { clientToken } = this.#running;
    const token = clientToken === null ? {} : { token: clientToken };
    const client = await Client.connect<Known>({ nodes: this.address, ...token });
    this.#clients.add(client as Client<never>);
    return client;
  }

  /**
   * Has the node finish what it runs, for `drainTimeout` at most, hand its jobs to others, say goodbye and end; resolves once it has. Functions
   * that don't heed their signal run on. With `now: true` it ends at once, also while it stops already.
   */
  async stop({ now = false }: StopOptions = {}): Promise<void> {
    if (this.#hasEnded) return;
    if (now) this.#running.stopNow();
    else this.#running.drainAndLeave();
    await this.#running.stopped;
    await Promise.all([...this.#clients].map((client) => client.close()));
    this.#clients.clear();
  }

  /** The same as `stop`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Nobody can dial 0.0.0.0 or [::], but this machine is at home. */
function reachable(address: string): string {
  const { host, port } = parseAddress(address);
  if (!isWildcard(host)) return address;
  return host.includes(':') ? `[::1]:${port}` : `127.0.0.1:${port}`;
}

function loggerOf({ onLog }: Pick<NodeOptions, 'onLog'>): Logger {
  return {
    log: (level, text, fields = {}) => onLog?.({ level, text, fields }),
    close: async () => {},
  };
}
