import { setTimeout as delay } from 'node:timers/promises';
import { RondoError } from '../core/errors.js';
import { Connection, type LostConnection } from './connection.js';
import type { ClientReply } from './reply-decoder.js';
import type { ClientRequest } from './request-line.js';

export interface ClientOptions {
  /** Addresses `host:port`, tried in this order; see `parseAddressList`. */
  readonly nodes: readonly string[];
  /** Sent with AUTH on every connection. */
  readonly token?: string | null;
  /** How long one node may take to give its first answer. */
  readonly connectTimeoutMs?: number;
  /** Requests written and not answered yet; further ones wait here. A node whose own limit is lower has fewer. */
  readonly inFlightMax?: number;
  /** A node that owes answers and is silent for three times this long is given up. */
  readonly quietMs?: number;
  /** How often the whole list is tried again after a connection was lost, before requests fail. */
  readonly reconnectRoundsMax?: number;
  readonly onNotice?: (notice: ClientNotice) => void;
}

/** What happens to the connection beneath the requests; for telling people. */
export type ClientNotice =
  | {
      readonly type: 'lost';
      readonly node: string;
      readonly reason: string;
      readonly unansweredCount: number;
    }
  | { readonly type: 'moved'; readonly from: string; readonly to: string };

/** A client of the cluster: one connection at a time, to the first node of its list that answers. */
export interface Client {
  /** The node that requests go to now, `host:port`. */
  readonly node: string;
  /**
   * Sends a request and waits for its answer; any number at once. A lost connection is replaced by one to the next
   * node. Requests that were not sent yet, and those that change nothing, then go on there by themselves.
   *
   * Rejects with a RondoError: `UNAVAILABLE` when the node was lost after the request was sent (it may or may not have
   * happened), `NO_NODE` when no node answers (it has not happened), `BAD_REQUEST` for what can't be spelled. A node's `ERR` is an
   * answer, not a rejection; so are `LINE_TOO_LONG` and `BODY_TOO_LARGE`, which are given here, as HELLO tells the node's limits.
   */
  request(request: ClientRequest): Promise<ClientReply>;
  close(): void;
}

const defaults = {
  connectTimeoutMs: 3_000,
  inFlightMax: 2_000,
  quietMs: 5_000,
  reconnectRoundsMax: 5,
} as const;

/** Grows with every round: 100, 200, 400 ... ms, so that a node that only restarts is found again. */
const reconnectDelayMs = 100;
const triesPerRequestMax = 5;
const waitingMax = 100_000;
const readOnlyVerbs = new Set(['HELLO', 'PING', 'HELP', 'INFO', 'NODES', 'TASKS', 'STATUS', 'WAIT', 'JOBS']);

/** Connects to the first node that answers. Rejects with `NO_NODE`, `UNAUTHORIZED` or `BAD_ADDRESS`. */
export async function connect(options: ClientOptions): Promise<Client> {
  const client = new ListClient(options);
  await client.connected();
  return client;
}

class ListClient implements Client {
  private current: Connection | null = null;
  private retired: Connection[] = [];
  private opening: Promise<Connection> | null = null;
  /** Where in the list the next attempt to connect begins. */
  private cursor = 0;
  private lastNode: string | null = null;
  private unfinished = 0;
  private closed = false;
  private readonly options: ClientOptions & typeof defaults;

  constructor(options: ClientOptions) {
    if (options.nodes.length === 0) throw new RondoError('BAD_ADDRESS', 'the list of nodes is empty');
    this.options = { ...defaults, ...options } as ClientOptions & typeof defaults;
  }

  get node(): string {
    return this.lastNode ?? (this.options.nodes[0] as string);
  }

  async request(request: ClientRequest): Promise<ClientReply> {
    if (this.unfinished >= waitingMax) {
      throw new RondoError('BUSY', `${waitingMax} requests wait for an answer: wait for some of them first`);
    }
    this.unfinished++;
    try {
      return await this.exchange(request);
    } finally {
      this.unfinished--;
    }
  }

  close(): void {
    this.closed = true;
    for (const connection of this.retired) connection.close();
    this.current?.close();
    this.current = null;
  }

  private async exchange(request: ClientRequest): Promise<ClientReply> {
    const readOnly = readOnlyVerbs.has(request.verb.toUpperCase());
    let refusals = 0;
    for (let tries = 1; ; tries++) {
      const connection = this.current ?? (await this.connected());
      const exchange = await connection.exchange(request);
      if (exchange.type === 'replied') {
        const { reply } = exchange;
        const refused = !reply.ok && reply.code === 'DRAINING';
        if (!refused || ++refusals >= this.options.nodes.length) return reply;
        this.moveOnFrom(connection);
        continue;
      }
      this.moveOnFrom(connection);
      if ((exchange.sent && !readOnly) || tries >= triesPerRequestMax) {
        const effect = exchange.sent ? 'may or may not have happened' : 'has not happened';
        throw new RondoError(
          'UNAVAILABLE',
          `node ${connection.address} was lost before it answered (${exchange.reason}): what was asked ${effect}`,
        );
      }
    }
  }

  /** The connection in use, or the next one; many requests share one attempt to connect. */
  connected(): Promise<Connection> {
    if (this.current !== null) return Promise.resolve(this.current);
    this.opening ??= this.open().finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  private async open(): Promise<Connection> {
    const rounds = this.lastNode === null ? 1 : this.options.reconnectRoundsMax;
    let failures: string[] = [];
    for (let round = 0; round < rounds; round++) {
      if (round > 0) await delay(reconnectDelayMs * 2 ** (round - 1));
      failures = [];
      for (let count = 0; count < this.options.nodes.length; count++) {
        if (this.closed) throw new RondoError('UNAVAILABLE', 'this client is closed');
        const address = this.options.nodes[this.cursor] as string;
        try {
          return this.adopt(await this.dial(address));
        } catch (error) {
          if (!(error instanceof RondoError) || error.code !== 'UNREACHABLE') throw error;
          failures.push(error.message === 'connection refused' ? address : `${address} (${error.message})`);
          this.skip(address);
        }
      }
    }
    throw new RondoError('NO_NODE', `no node answers at ${failures.join(', ')}`);
  }

  private dial(address: string): Promise<Connection> {
    const { token = null, connectTimeoutMs, inFlightMax, quietMs } = this.options;
    let opened: Connection | null = null;
    const onLost = (lost: LostConnection): void => {
      if (opened !== null) this.lose(opened, lost);
    };
    const onClosing = (): void => {
      if (opened !== null) this.moveOnFrom(opened);
    };
    const options = { address, token, connectTimeoutMs, inFlightMax, quietMs, onLost, onClosing };
    const opening = Connection.open(options);
    return opening.then((connection) => {
      opened = connection;
      return connection;
    });
  }

  private adopt(connection: Connection): Connection {
    if (this.closed) {
      connection.close();
      throw new RondoError('UNAVAILABLE', 'this client is closed');
    }
    const from = this.lastNode;
    this.current = connection;
    this.lastNode = connection.address;
    if (from !== null) this.options.onNotice?.({ type: 'moved', from, to: connection.address });
    return connection;
  }

  private lose(connection: Connection, lost: LostConnection): void {
    this.moveOnFrom(connection);
    this.options.onNotice?.({ type: 'lost', node: connection.address, ...lost });
  }

  /** New requests go to the next node. One that is only draining still answers for what it was asked before. */
  private moveOnFrom(connection: Connection): void {
    if (this.current !== connection) return;
    this.current = null;
    this.skip(connection.address);
    this.retired = this.retired.filter((earlier) => earlier.isOpen);
    this.retired.push(connection);
    connection.retire();
  }

  private skip(address: string): void {
    if (this.options.nodes[this.cursor] === address) {
      this.cursor = (this.cursor + 1) % this.options.nodes.length;
    }
  }
}
