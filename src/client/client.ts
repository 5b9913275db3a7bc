import { setTimeout as delay } from 'node:timers/promises';
import { RondoError } from '../core/errors.js';
import { Attempts } from './attempts.js';
import { Connection, type LostConnection } from './connection.js';
import { type ItemPlan, type StreamHost, streamItems } from './item-stream.js';
import { learnedNodesOf } from './learned-nodes.js';
import { type Candidate, NodeSearch } from './node-search.js';
import { withOwnKey } from './own-key.js';
import type { ClientItem, ClientReply } from './reply-decoder.js';
import type { ClientRequest } from './request-line.js';
import { retryJob } from './retry-job.js';
import { untilAborted } from './until-aborted.js';
import { WaitLimit } from './wait-limit.js';

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
  /** How long a node is looked for, over the whole list again and again, after one was lost and before requests fail. */
  readonly searchMs?: number;
  /** How long a request that is answered BUSY waits and is sent again, before that is its answer. */
  readonly busyMs?: number;
  /**
   * Whether every SUBMIT and RUN without a `key=` gets one of its own, so that it can be sent again when its node is lost. Default: where
   * the list has more than one node, as such a job costs its nodes two to five times as much before it starts.
   */
  readonly ownKeys?: boolean;
  /** Whether NODES is asked now and then, to go on at other nodes of the cluster when none of the list answers. Default: true. */
  readonly learnNodes?: boolean;
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
   * node, and what can be asked again goes on there by itself: what was not sent yet, what changes nothing, what has a key, CANCEL, and
   * RETRY after a look at STATUS. So does what a node answers with UNAVAILABLE, for five seconds.
   *
   * Rejects with a RondoError: `UNAVAILABLE` when the node was lost after the request was sent (it may or may not have
   * happened), `NO_NODE` when no node answers (it has not happened), `BAD_REQUEST` for what can't be spelled. A node's `ERR` is an
   * answer, not a rejection; so are `LINE_TOO_LONG` and `BODY_TOO_LARGE`, which are given here, as HELLO tells the node's limits, and
   * the `TIMEOUT` of a WAIT whose time is over while no node answers.
   */
  request(request: ClientRequest): Promise<ClientReply>;
  /**
   * Asks a streaming request, at one node after the other as `request` does, on connections of its own: what is told before the answer, item by
   * item, and in the end the answer. `follow-job` and `subscription` say what is asked of a further node. Who takes no items holds up the node.
   */
  stream(plan: ItemPlan): AsyncGenerator<ClientItem, ClientReply, undefined>;
  /** The request with the key that `request` would give it, for one who must know it; the same where it would give none. */
  keyed(request: ClientRequest): ClientRequest;
  close(): void;
}

const defaults = {
  connectTimeoutMs: 3_000,
  inFlightMax: 2_000,
  quietMs: 5_000,
  searchMs: 10_000,
  busyMs: 10_000,
  learnNodes: true,
} as const;

const waitingMax = 100_000;
/** A connection that ends sooner needs no other nodes. */
const learnAfterMs = 250;
const learnEveryMs = 60_000;

/** Connects to the first node that answers. Rejects with `NO_NODE`, `UNAUTHORIZED` or `BAD_ADDRESS`. */
export async function connect(options: ClientOptions): Promise<Client> {
  const client = new ListClient(options);
  await client.connected();
  return client;
}

class ListClient implements Client, StreamHost {
  private current: Connection | null = null;
  private retired: Connection[] = [];
  private opening: Promise<Connection> | null = null;
  /** Those of streaming requests. */
  private readonly streaming = new Set<Connection>();
  private lastNode: string | null = null;
  /** That of the first node: no other one is gone on at. */
  private cluster: string | null = null;
  private unfinished = 0;
  private closed = false;
  /** And not yet where requests go on. */
  private hasToldLoss = false;
  private learnTimer: NodeJS.Timeout | undefined;
  private readonly options: Required<Omit<ClientOptions, 'onNotice'>> & Pick<ClientOptions, 'onNotice'>;
  private readonly search: NodeSearch;

  constructor(options: ClientOptions) {
    if (options.nodes.length === 0) throw new RondoError('BAD_ADDRESS', 'the list of nodes is empty');
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const ownKeys = options.nodes.length > 1;
    this.options = { ...defaults, token: null, ownKeys, nodes: options.nodes, ...given };
    const { nodes, connectTimeoutMs, searchMs } = this.options;
    const dial = (candidate: Candidate, timeoutMs: number): Promise<Connection> =>
      this.dial(candidate, timeoutMs);
    this.search = new NodeSearch({ nodes, connectTimeoutMs, searchMs, dial });
  }

  get node(): string {
    return this.lastNode ?? (this.options.nodes[0] as string);
  }

  request(request: ClientRequest): Promise<ClientReply> {
    const { signal } = request;
    if (signal === undefined) return this.answerTo(request);
    if (signal.aborted) return Promise.reject(signal.reason);
    return untilAborted(this.answerTo(request), signal);
  }

  private async answerTo(request: ClientRequest): Promise<ClientReply> {
    if (this.unfinished >= waitingMax) {
      throw new RondoError('BUSY', `${waitingMax} requests wait for an answer: wait for some of them first`);
    }
    this.unfinished++;
    try {
      if (request.verb.toUpperCase() === 'RETRY') return await retryJob(request, (each) => this.ask(each));
      return await this.ask(this.keyed(request));
    } finally {
      this.unfinished--;
    }
  }

  keyed(request: ClientRequest): ClientRequest {
    return this.options.ownKeys ? withOwnKey(request) : request;
  }

  stream(plan: ItemPlan): AsyncGenerator<ClientItem, ClientReply, undefined> {
    return streamItems(this, plan);
  }

  attemptsAt(request: ClientRequest): Attempts {
    return new Attempts(request, { nodeCount: this.options.nodes.length, busyMs: this.options.busyMs });
  }

  /** To the node that requests go to; where that takes no more connections, to any other. */
  async open(): Promise<Connection> {
    const connection = await this.another();
    for (const earlier of this.streaming) if (!earlier.isOpen) this.streaming.delete(earlier);
    this.streaming.add(connection);
    if (this.closed) connection.close();
    return connection;
  }

  private async another(): Promise<Connection> {
    for (;;) {
      const current = await this.connected();
      try {
        const { address, learnedId } = current;
        return await this.dial({ address, learnedId }, this.options.connectTimeoutMs);
      } catch (error) {
        if (!(error instanceof RondoError) || error.code !== 'UNREACHABLE') throw error;
        // Where that node is lost for all, the next one is searched once, for all.
        if (this.current === current) return this.searchPast(current.address);
      }
    }
  }

  /** Requests may never need another node: whoever is told of this one hears of the next one here. */
  private async searchPast(from: string): Promise<Connection> {
    const connection = await this.search.find(false);
    const to = connection.address;
    if (to !== from) this.options.onNotice?.({ type: 'moved', from, to });
    return connection;
  }

  moveOnFrom(node: string): void {
    if (this.current?.address === node) this.leave(this.current, 'replied');
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.learnTimer);
    for (const connection of this.retired) connection.close();
    for (const connection of this.streaming) connection.reset();
    this.current?.close();
    this.current = null;
  }

  private ask(request: ClientRequest): Promise<ClientReply> {
    const limit = WaitLimit.of(request);
    const answer = this.exchange(request, limit);
    return limit === null ? answer : limit.bound(answer);
  }

  private async exchange(request: ClientRequest, limit: WaitLimit | null): Promise<ClientReply> {
    const attempts = this.attemptsAt(request);
    for (let due: ClientRequest | null = request; ; due = limit === null ? request : limit.rest()) {
      request.signal?.throwIfAborted();
      const connection = await this.connectionFor(attempts);
      if (due === null) return (limit as WaitLimit).over();
      attempts.begin();
      const exchange = await connection.exchange(due);
      const next =
        exchange.type === 'replied'
          ? attempts.afterReply(exchange.reply)
          : attempts.afterLoss(connection.address, exchange);
      if (next.type === 'end') return next.reply;
      if (next.elsewhere) this.leave(connection, exchange.type);
      if (next.pauseMs > 0) await delay(next.pauseMs);
    }
  }

  private async connectionFor(attempts: Attempts): Promise<Connection> {
    let connection: Connection;
    try {
      connection = this.current ?? (await this.connected());
    } catch (error) {
      throw attempts.faultOf(error);
    }
    if (attempts.repetition !== 'nowhere' || connection.isListed) return connection;
    const why = `none of the nodes that were listed answers, and ${attempts.verb} means the one that is asked`;
    throw new RondoError('NO_NODE', why);
  }

  /** The connection in use, or the next one; many requests share one attempt to connect. */
  connected(): Promise<Connection> {
    if (this.current !== null) return Promise.resolve(this.current);
    this.opening ??= this.search
      .find(this.lastNode === null)
      .then((connection) => this.adopt(connection))
      .finally(() => {
        this.opening = null;
      });
    return this.opening;
  }

  private dial({ address, learnedId }: Candidate, timeoutMs: number): Promise<Connection> {
    if (this.closed) throw closedError();
    const { token, inFlightMax, quietMs } = this.options;
    let opened: Connection | null = null;
    const onLost = (lost: LostConnection): void => {
      if (opened !== null) this.lose(opened, lost);
    };
    const onClosing = (): void => {
      if (opened !== null) this.leave(opened, 'lost');
    };
    const expected = { cluster: this.cluster, id: learnedId };
    const limits = { connectTimeoutMs: timeoutMs, inFlightMax, quietMs };
    const opening = Connection.open({ address, token, expected, ...limits, onLost, onClosing });
    return opening.then((connection) => {
      opened = connection;
      return connection;
    });
  }

  private adopt(connection: Connection): Connection {
    if (this.closed) {
      connection.close();
      throw closedError();
    }
    const from = this.lastNode;
    this.current = connection;
    this.lastNode = connection.address;
    this.cluster ??= connection.identity.cluster;
    const to = connection.address;
    // The next node, too, may be this one, asked again.
    if (from !== null && (to !== from || this.hasToldLoss))
      this.options.onNotice?.({ type: 'moved', from, to });
    this.hasToldLoss = false;
    if (this.options.learnNodes && this.cluster !== null) this.learnFrom(connection, learnAfterMs);
    return connection;
  }

  /** Nobody waits for it, and a node that doesn't answer it costs nothing but the knowledge. */
  private learnFrom(connection: Connection, afterMs: number): void {
    clearTimeout(this.learnTimer);
    this.learnTimer = setTimeout(async () => {
      if (this.current !== connection) return;
      const exchange = await connection.exchange({ verb: 'NODES' });
      if (exchange.type === 'lost') return;
      const { address, identity } = connection;
      const from = { address, id: identity.id, listed: this.options.nodes };
      if (exchange.reply.ok) this.search.learn(learnedNodesOf(exchange.reply.text, from));
      if (this.current === connection) this.learnFrom(connection, learnEveryMs);
    }, afterMs).unref();
  }

  private lose(connection: Connection, lost: LostConnection): void {
    // Of a node that is lost, the connection of all other requests tells.
    if (this.streaming.delete(connection)) return;
    this.leave(connection, 'lost');
    this.hasToldLoss = true;
    this.options.onNotice?.({ type: 'lost', node: connection.address, ...lost });
  }

  /** New requests go to the next node. One that is only draining still answers for what it was asked before. */
  private leave(connection: Connection, why: 'lost' | 'replied'): void {
    if (this.current !== connection) return;
    // Only a node that is gone is left for one that is not listed.
    if (why === 'replied' && this.options.nodes.length === 1) return;
    this.current = null;
    this.search.skip(connection.address);
    this.retired = this.retired.filter((earlier) => earlier.isOpen);
    this.retired.push(connection);
    connection.retire();
  }
}

function closedError(): RondoError {
  return new RondoError('UNAVAILABLE', 'this client is closed');
}
