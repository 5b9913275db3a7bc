import { createServer, type Server, type Socket } from 'node:net';
import type { ClientCommand } from '../core/commands.js';
import type { RequestId } from '../core/ids.js';
import type { Item, Message } from '../core/item.js';
import { limits as coreLimits } from '../core/limits.js';
import { NumberTable } from '../core/number-table.js';
import { errorReply, type Reply } from '../core/reply.js';
import { eachByItself, type Together } from '../core/together.js';
import { formatSize } from '../core/units.js';
import { createTokenCheck, type TokenCheck } from '../protocol/access.js';
import { saidOf } from '../protocol/answer-queue.js';
import { ByteBudget } from '../protocol/byte-budget.js';
import { helloText } from '../protocol/help.js';
import { itemWords, replyWords } from '../protocol/line-reply.js';
import { LineSession } from '../protocol/line-session.js';
import type { SessionLimits } from '../protocol/line-session-contract.js';
import type { ClientServer, ClientServerListener, ClientServerStats } from './client-server.js';
import {
  clientName,
  LineConnection,
  type LineConnectionLimits,
  type LineConnectionOwner,
} from './line-connection.js';
import { listenOn } from './listen.js';

/** Where the server's log lines go. `text` is a sentence for people. */
export type ClientLog = (
  level: 'debug' | 'info' | 'warn' | 'error',
  text: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface ClientServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly limits: ClientServerLimits;
  /** Null: clients need no token. */
  readonly authToken: string | null;
  /** Facts for HELLO: version, cluster, node's name and id. */
  readonly hello: Readonly<Record<string, unknown>>;
  readonly listener: ClientServerListener;
  readonly log: ClientLog;
  /** Requests of one read are handed over in it. */
  readonly together?: Together;
}

export interface ClientServerLimits extends LineConnectionLimits {
  readonly lineBytesMax: number;
  readonly bodyBytesMax: number;
  readonly requestsInFlightMax: number;
  readonly connectionsMax: number;
  /** What replies that wait for one client may take; past it, its connection is closed. */
  readonly replyBytesMax: number;
  /** What replies that wait for any client may take; past it, the connection that most wait for is closed. */
  readonly replyBytesTotalMax: number;
  /** What lines and bodies that have begun may take, of all clients together; past it, requests are answered BUSY. */
  readonly receivingBytesMax: number;
}

/** A client that is gone without a word answers no keep-alive: that is how a lost one is noticed while its job runs. */
const keepAliveDelayMs = 30_000;
/** Connections over the limit that are being told so; more are closed without a word. */
const refusedAtOnceMax = 64;

/** The client port, speaking the line protocol of PROTOCOL.md. */
export function createClientServer(options: ClientServerOptions): ClientServer {
  return new LineServer(options);
}

class LineServer implements ClientServer, LineConnectionOwner {
  private readonly server: Server;
  private readonly connections = new Set<LineConnection>();
  private readonly requests = new NumberTable<LineConnection>();
  private readonly hello: string;
  private readonly tokenCheck: TokenCheck | null;
  private readonly sessionLimits: SessionLimits;
  private dirtyConnections: LineConnection[] = [];
  private readonly receiving: ByteBudget;
  private replyBytes = 0;
  private requestCounter = 0;
  private refusedAtOnce = 0;
  private answeredCount = 0;
  private errorCount = 0;
  private stallTimer: NodeJS.Timeout | null = null;
  private readonly sweepIntervalMs: number;
  private sweptAtMs = 0;
  /** Until it settles the server does not count as listening, and yet may come to. */
  private opening: Promise<unknown> | null = null;
  private isShuttingDown = false;
  readonly together: Together;
  private readonly whenAllClosed: (() => void)[] = [];

  constructor(private readonly options: ClientServerOptions) {
    this.hello = helloText(options.hello, {
      authRequired: options.authToken !== null,
      limits: options.limits,
    });
    this.tokenCheck = options.authToken === null ? null : createTokenCheck(options.authToken);
    this.sessionLimits = options.limits;
    this.together = options.together ?? eachByItself;
    this.receiving = new ByteBudget(options.limits.receivingBytesMax);
    this.sweepIntervalMs = Math.ceil(options.limits.stallTimeoutMs / 4);
    this.server = createServer(
      // Half-open: a client that ends its side still gets every reply.
      { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs },
      (socket) => this.handleConnection(socket),
    );
  }

  async listen(): Promise<string> {
    const { host, port, log } = this.options;
    const opening = listenOn(this.server, 'the client address', { host, port });
    this.opening = opening;
    const address = await opening;
    this.server.on('error', (error) => log('error', 'The client port has trouble', { error: error.message }));
    this.sweptAtMs = performance.now();
    this.stallTimer = setInterval(() => this.dropStalled(), this.sweepIntervalMs);
    this.stallTimer.unref();
    return address;
  }

  reply(request: RequestId, reply: Reply): void {
    const connection = this.requests.get(request);
    if (connection === undefined) return;
    this.requests.delete(request);
    connection.reply(request, reply);
  }

  item(request: RequestId, item: Item): void {
    this.requests.get(request)?.item(request, item);
  }

  deliver(requests: readonly RequestId[], message: Message): void {
    const said = saidOf(itemWords(null, { type: 'message', message }));
    for (const request of requests) {
      const connection = this.requests.get(request);
      if (connection === undefined) continue;
      const bytes = connection.message(request, said);
      if (bytes > coreLimits.subscriberBytesMax) this.endSlow(connection, request, bytes);
    }
  }

  stats(): ClientServerStats {
    return {
      connections: this.connections.size,
      requests: this.answeredCount,
      errors: this.errorCount,
      replyBytes: this.replyBytes,
      receivingBytes: this.receiving.bytes,
    };
  }

  async shutdown(graceMs: number): Promise<void> {
    this.isShuttingDown = true;
    // A port that could not be opened has been told to whoever asked for it.
    await this.opening?.catch(() => {});
    const closed = new Promise<void>((resolve) => {
      // It was never opened: nothing to close.
      if (!this.server.listening) resolve();
      else this.server.close(() => resolve());
    });
    for (const connection of this.connections) connection.finish();
    const grace = setTimeout(() => {
      for (const connection of this.connections) connection.destroy();
    }, graceMs);
    await this.allClosed();
    clearTimeout(grace);
    if (this.stallTimer !== null) clearInterval(this.stallTimer);
    await closed;
  }

  request(connection: LineConnection, seq: number, command: ClientCommand): void {
    this.requests.set(seq, connection);
    this.options.listener.request(seq, command);
  }

  itemsWanted(seq: number, upTo: number): void {
    this.options.listener.itemsWanted(seq, upTo);
  }

  dirty(connection: LineConnection): void {
    this.dirtyConnections.push(connection);
    // Answers that come within one turn of the event loop leave in one write.
    if (this.dirtyConnections.length === 1) setImmediate(() => this.flushDirty());
  }

  keptChanged(bytes: number): void {
    this.replyBytes += bytes;
  }

  closed(connection: LineConnection): void {
    this.connections.delete(connection);
    this.abandonRequests(connection);
    if (this.connections.size > 0) return;
    for (const resolve of this.whenAllClosed.splice(0)) resolve();
  }

  private flushDirty(): void {
    const connections = this.dirtyConnections;
    this.dirtyConnections = [];
    const { replyBytesMax, replyBytesTotalMax } = this.options.limits;
    for (const connection of connections) {
      connection.flush();
      if (connection.keptBytes > replyBytesMax) this.cutOff(connection, 'one client', replyBytesMax);
    }
    while (this.replyBytes > replyBytesTotalMax) {
      const largest = this.mostWaitedFor();
      if (largest === null) return;
      this.cutOff(largest, 'all clients', replyBytesTotalMax);
    }
  }

  /** Told later: the node is in the middle of what it does. */
  private endSlow(connection: LineConnection, request: RequestId, bytes: number): void {
    this.requests.delete(request);
    const text = `${formatSize(bytes)} of messages waited for this client to read, and at most ${formatSize(coreLimits.subscriberBytesMax)} are kept: subscribe again, and read faster`;
    connection.reply(request, errorReply('SLOW_SUBSCRIBER', text));
    setImmediate(() => this.options.listener.requestAbandoned(request));
    this.options.log('warn', 'A subscription has ended: its client does not read fast enough', {
      code: 'SLOW_SUBSCRIBER',
      client: connection.client,
      bytes,
    });
  }

  private mostWaitedFor(): LineConnection | null {
    let most: LineConnection | null = null;
    for (const connection of this.connections) {
      if (connection.keptBytes > (most?.keptBytes ?? 0)) most = connection;
    }
    return most;
  }

  /** The jobs of the requests that are given up go on. */
  private cutOff(connection: LineConnection, whose: string, bytesMax: number): void {
    this.abandonRequests(connection);
    const text = `replies that wait for ${whose} may take ${formatSize(bytesMax)}: read them, or ask for less at once`;
    this.options.log('warn', 'A client was cut off: more replies wait for it than may be kept', {
      code: 'REPLIES_TOO_LARGE',
      client: connection.client,
      bytes: connection.keptBytes,
    });
    connection.cutOff(errorReply('REPLIES_TOO_LARGE', text));
  }

  private abandonRequests({ session }: LineConnection): void {
    for (const seq of session.unansweredSeqs()) {
      if (this.requests.delete(seq)) this.options.listener.requestAbandoned(seq);
    }
  }

  private handleConnection(socket: Socket): void {
    if (this.connections.size >= this.options.limits.connectionsMax || this.isShuttingDown) {
      this.refuseConnection(socket);
      return;
    }
    const session = new LineSession({
      limits: this.sessionLimits,
      tokenCheck: this.tokenCheck,
      hello: this.hello,
      nextSeq: () => ++this.requestCounter,
      ended: (seq) => {
        if (this.requests.delete(seq)) this.options.listener.requestAbandoned(seq);
      },
      answered: (reply, isClientsMistake) => this.countAnswer(connection, reply, isClientsMistake),
      receiving: this.receiving,
      refusedForRoom: () => {
        const { receivingBytesMax } = this.options.limits;
        this.options.log('warn', 'Refusing requests: what is being received is at its limit', {
          code: 'BUSY',
          client: connection.client,
          receivingBytesMax,
        });
      },
    });
    const connection = new LineConnection(socket, session, this.options.limits, this, () =>
      performance.now(),
    );
    this.connections.add(connection);
  }

  private refuseConnection(socket: Socket): void {
    const { connectionsMax, lingerMs } = this.options.limits;
    socket.on('error', () => {});
    if (this.isShuttingDown || this.refusedAtOnce >= refusedAtOnceMax) {
      socket.destroy();
      return;
    }
    const text = `this node has ${connectionsMax} clients, its limit: close some, or ask another node`;
    if (this.refusedAtOnce === 0) {
      this.options.log('warn', 'Refusing clients: the limit of connections is reached', {
        code: 'TOO_MANY_CONNECTIONS',
        client: clientName(socket),
        connectionsMax,
      });
    }
    this.refusedAtOnce++;
    this.errorCount++;
    const linger = setTimeout(() => socket.destroy(), lingerMs);
    socket.on('close', () => {
      clearTimeout(linger);
      this.refusedAtOnce--;
    });
    socket.end(replyWords(null, errorReply('TOO_MANY_CONNECTIONS', text)) as string);
    // Passes over what the client sends: unread bytes would turn the close into a reset, and lose the reply.
    socket.resume();
  }

  private countAnswer(connection: LineConnection, reply: Reply, isClientsMistake: boolean): void {
    this.answeredCount++;
    if (reply.ok) return;
    this.errorCount++;
    if (!isClientsMistake) return;
    // The first one is enough to find a broken client by; the rest could fill a disk.
    this.options.log(connection.mistakeLogged ? 'debug' : 'warn', 'A client sent what is no request', {
      client: connection.client,
      code: reply.code,
      message: reply.message,
    });
    connection.mistakeLogged = true;
  }

  private dropStalled(): void {
    const nowMs = performance.now();
    const isLate = nowMs - this.sweptAtMs > 2 * this.sweepIntervalMs;
    this.sweptAtMs = nowMs;
    for (const connection of this.connections) {
      // This node itself stood still: what clients read meanwhile it has not heard of yet.
      if (isLate) connection.restartStall();
      if (connection.isHalting()) connection.giveUpRequest();
      connection.probeEnded();
      if (!connection.isStalled()) continue;
      this.options.log('warn', 'A client was dropped: it does not read its replies', {
        code: 'SLOW_CLIENT',
        client: connection.client,
      });
      connection.destroy();
    }
  }

  private allClosed(): Promise<void> {
    if (this.connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.whenAllClosed.push(resolve);
    });
  }
}

/** What a node goes by unless it is configured otherwise. */
export const defaultClientServerLimits: ClientServerLimits = {
  lineBytesMax: coreLimits.lineBytesMax,
  bodyBytesMax: coreLimits.bodyBytesMax,
  requestsInFlightMax: coreLimits.requestsInFlightMax,
  connectionsMax: coreLimits.clientConnectionsMax,
  replyBytesMax: coreLimits.replyBytesMax,
  replyBytesTotalMax: coreLimits.replyBytesTotalMax,
  receivingBytesMax: coreLimits.receivingBytesMax,
  outputBytesHigh: 1024 * 1024,
  stallTimeoutMs: 30_000,
  lingerMs: 2_000,
};
