import { connect, type Socket } from 'node:net';
import { RondoError } from '../core/errors.js';
import { parseClientAddress } from './addresses.js';
import { identityOf, type NodeIdentity, strangerFault, unknownIdentity } from './node-identity.js';
import { defaultNodeLimits, type NodeLimits, nodeLimitsOf } from './node-limits.js';
import { type ClientItem, type ClientReply, ReplyDecoder, type TaggedReply } from './reply-decoder.js';
import { type ClientRequest, type EncodedRequest, encodeRequest } from './request-line.js';
import { reasonOf } from './socket-faults.js';
import { onAbort } from './until-aborted.js';

export interface ConnectionOptions {
  readonly address: string;
  readonly token: string | null;
  /** Who is to answer there. Where an id is given, nothing is told to the node, the token least of all, before it has said that. */
  readonly expected: NodeIdentity;
  /** Limit for all of: name look-up, TCP, AUTH and the first answer. */
  readonly connectTimeoutMs: number;
  /** Requests written and not answered yet, where the node's own limit is no lower; the others wait here. */
  readonly inFlightMax: number;
  /** With answers owed and nothing heard for so long, the node is pinged; after three times that it counts as gone. */
  readonly quietMs: number;
  /** Called once, when the connection ended by anything but `close`. */
  readonly onLost: (lost: LostConnection) => void;
  /** The node reads no more requests on this connection; it still answers those that it has read. */
  readonly onClosing: () => void;
}

export interface LostConnection {
  readonly reason: string;
  /** Requests that were sent and will not be answered: each may or may not have happened. */
  readonly unansweredCount: number;
}

/** How a request ended on this connection. One that was not `sent` has had no effect anywhere. */
export type Exchange =
  | { readonly type: 'replied'; readonly reply: ClientReply }
  | { readonly type: 'lost'; readonly sent: boolean; readonly reason: string };

/** Called with each item that comes before the answer. */
type OnItem = (item: ClientItem) => void;
type Refusal = Extract<ClientReply, { ok: false }>;

interface Asking {
  readonly signal: AbortSignal | undefined;
  readonly onItem: OnItem | null;
  readonly settle: (exchange: Exchange) => void;
}

interface Pending {
  readonly request: EncodedRequest;
  /** Null for a request that is told nothing before its answer. */
  readonly onItem: OnItem | null;
  readonly settle: (exchange: Exchange) => void;
  isSent: boolean;
  /** Nobody waits for its answer any more. */
  isGivenUp: boolean;
}

/** Over this many bytes in the socket's queue, requests wait until it has drained. */
const socketQueueBytesHigh = 1024 * 1024;
const unansweredPingsMax = 2;
/** After an answer with one of these a node reads nothing more, answers what is due, and closes. */
const closingCodes: ReadonlySet<string> = new Set(['LINE_TOO_LONG', 'BODY_TOO_LARGE']);

/** One connection to one node: any number of tagged requests at once, written together once a tick. */
export class Connection {
  readonly address: string;
  /** Who answers, once it is open. */
  identity: NodeIdentity = unknownIdentity;
  private readonly decoder = new ReplyDecoder();
  private readonly inFlight = new Map<string, Pending>();
  private waiting: Pending[] = [];
  /** Of those in flight, the ones whose answers nobody waits for any more: others need not wait for them either. */
  private givenUpCount = 0;
  private tagCount = 0;
  private flushScheduled = false;
  private heard = false;
  private unansweredPings = 0;
  private retired = false;
  private paused = false;
  private limits: NodeLimits = defaultNodeLimits;
  /** Why the node reads no more. */
  private closing: string | null = null;
  private ended: { readonly reason: string } | null = null;
  private readonly quietTimer: NodeJS.Timeout;

  private constructor(
    private readonly socket: Socket,
    private readonly options: ConnectionOptions,
  ) {
    this.address = options.address;
    this.quietTimer = setInterval(() => this.checkQuiet(), options.quietMs).unref();
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('drain', () => this.scheduleFlush());
    socket.on('error', (error: NodeJS.ErrnoException) => this.end(reasonOf(error)));
    socket.on('close', () => this.end(this.closing ?? 'it closed the connection'));
  }

  /**
   * Connects, and waits for a first answer, so that a port on which nothing or something else answers is found out
   * before any request goes there. Rejects with `UNREACHABLE` or `UNAUTHORIZED`.
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { host, port } = parseClientAddress(options.address);
    const connection = new Connection(connect({ host, port, noDelay: true }), options);
    const timer = setTimeout(
      () => connection.end(`no answer within ${options.connectTimeoutMs} ms`),
      options.connectTimeoutMs,
    );
    try {
      await connection.greet();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the user gave its address; else another node did. */
  get isListed(): boolean {
    return this.options.expected.id === null;
  }

  /** Its id, where another node told of it. */
  get learnedId(): string | null {
    return this.options.expected.id;
  }

  get isOpen(): boolean {
    return this.ended === null;
  }

  /**
   * Sends a request, after those that wait before it. What is over the limits of this node is not sent, but answered in its place,
   * since it would close the connection on all other requests. Throws `BAD_REQUEST` for what can't be spelled.
   */
  exchange(request: ClientRequest, onItem: OnItem | null = null): Promise<Exchange> {
    const encoded = encodeOrRefuse(request, this.limits);
    if ('ok' in encoded) return Promise.resolve({ type: 'replied', reply: encoded });
    return new Promise((settle) => {
      const reason = this.ended?.reason ?? this.closing;
      if (reason !== null) {
        settle({ type: 'lost', sent: false, reason });
        return;
      }
      this.waiting.push(this.pendingFor(encoded, { signal: request.signal, onItem, settle }));
      this.scheduleFlush();
    });
  }

  /**
   * Nothing is read until `resume`, so that the node tells no more than TCP takes. Answers to other requests of this connection wait as
   * well, and whether the node is there is not watched: so who is told items has a connection of its own.
   */
  pause(): void {
    this.paused = true;
    this.socket.pause();
  }

  resume(): void {
    this.paused = false;
    this.heard = true;
    this.socket.resume();
  }

  /** No new requests will come: closes once those that are there are answered. */
  retire(): void {
    this.retired = true;
    this.closeIfIdle();
  }

  close(): void {
    this.end('this client closed it', { silently: true });
  }

  /** Closes it so that the node hears of it at once: it takes the usual way for a client that only sends no more. */
  reset(): void {
    this.socket.resetAndDestroy();
    this.close();
  }

  private async greet(): Promise<void> {
    const { token, expected } = this.options;
    const authorize = async (): Promise<ClientReply> =>
      token === null ? { ok: true, text: '' } : this.greeting({ verb: 'AUTH', operands: [token] });
    const greet = async (): Promise<void> => this.meet(await this.greeting({ verb: 'HELLO' }));
    const authorized = await (expected.id === null
      ? Promise.all([authorize(), greet()]).then(([reply]) => reply)
      : greet().then(authorize));
    if (!authorized.ok) throw new RondoError(authorized.code, authorized.message);
  }

  private async greeting(request: ClientRequest): Promise<ClientReply> {
    const exchange = await this.exchange(request);
    if (exchange.type === 'replied') return exchange.reply;
    throw new RondoError('UNREACHABLE', exchange.reason);
  }

  private meet(hello: ClientReply): void {
    if (hello.ok) {
      this.limits = nodeLimitsOf(hello.text);
      this.decoder.expectBodies(this.limits.bodyBytesMax);
      this.identity = identityOf(hello.text);
    }
    const fault = strangerFault(this.options.expected, this.identity);
    if (fault !== null) throw new RondoError('UNREACHABLE', fault);
  }

  /** Room for a PING is left at the node, so that it can always say that it is there. */
  private get inFlightMax(): number {
    return Math.min(this.options.inFlightMax, Math.max(1, this.limits.requestsInFlightMax - 1));
  }

  private pendingFor(request: EncodedRequest, { signal, onItem, settle }: Asking): Pending {
    if (signal === undefined) return { request, onItem, settle, isSent: false, isGivenUp: false };
    const off = onAbort(signal, () => {
      pending.isGivenUp = true;
      if (!pending.isSent) return;
      this.givenUpCount++;
      this.scheduleFlush();
    });
    const pending: Pending = {
      request,
      onItem,
      settle: (exchange) => {
        off();
        settle(exchange);
      },
      isSent: false,
      isGivenUp: false,
    };
    return pending;
  }

  private get isFull(): boolean {
    return this.inFlight.size >= Math.max(1, this.limits.requestsInFlightMax - 1);
  }

  private scheduleFlush(): void {
    if (this.flushScheduled || this.waiting.length === 0 || this.ended !== null) return;
    this.flushScheduled = true;
    process.nextTick(() => this.flush());
  }

  private flush(): void {
    this.flushScheduled = false;
    if (this.ended !== null) return;
    const { inFlightMax } = this;
    let text = '';
    let taken = 0;
    this.socket.cork();
    for (const pending of this.waiting) {
      if (this.inFlight.size - this.givenUpCount >= inFlightMax || this.isFull) break;
      if (this.socket.writableLength + text.length > socketQueueBytesHigh) break;
      taken++;
      if (pending.isGivenUp) {
        pending.settle({ type: 'lost', sent: false, reason: 'it was given up' });
        continue;
      }
      text += this.tagged(pending);
      const { body } = pending.request;
      if (body === null) continue;
      this.socket.write(text);
      this.socket.write(body);
      text = '\n';
    }
    if (text !== '') this.socket.write(text);
    this.socket.uncork();
    this.waiting = taken === this.waiting.length ? [] : this.waiting.slice(taken);
  }

  private tagged(pending: Pending): string {
    const tag = (this.tagCount++).toString(36);
    this.inFlight.set(tag, pending);
    pending.isSent = true;
    return `@${tag} ${pending.request.text}`;
  }

  private receive(chunk: Buffer): void {
    this.heard = true;
    try {
      for (const told of this.decoder.push(chunk)) {
        if ('item' in told) this.inFlight.get(told.tag ?? '')?.onItem?.(told.item);
        else this.settle(told);
      }
    } catch (error) {
      this.end((error as Error).message);
      return;
    }
    this.scheduleFlush();
    this.closeIfIdle();
  }

  private settle({ tag, reply }: TaggedReply): void {
    const answered = tag ?? this.tagMeantBy(reply);
    if (answered === null) throw new RondoError('BAD_REPLY', described(reply));
    if (!reply.ok && closingCodes.has(reply.code)) this.takeBackAfter(answered, described(reply));
    const pending = this.inFlight.get(answered);
    this.inFlight.delete(answered);
    if (pending?.isGivenUp === true) this.givenUpCount--;
    pending?.settle({ type: 'replied', reply });
  }

  /** Nobody can say which request a line was that was too long; the longest one was at least as long. */
  private tagMeantBy(reply: ClientReply): string | null {
    if (reply.ok || reply.code !== 'LINE_TOO_LONG') return null;
    let longest: string | null = null;
    let bytesMost = 0;
    for (const [tag, { request }] of this.inFlight) {
      const bytes = tag.length + Buffer.byteLength(request.text.slice(0, request.text.indexOf('\n')));
      if (bytes <= bytesMost) continue;
      longest = tag;
      bytesMost = bytes;
    }
    return longest;
  }

  /** The node has read nothing of what was sent after this request. That has had no effect, and can go elsewhere. */
  private takeBackAfter(tag: string, reason: string): void {
    if (!this.inFlight.has(tag)) return;
    this.closing = reason;
    const sent = [...this.inFlight];
    const unread = sent.slice(sent.findIndex(([each]) => each === tag) + 1);
    for (const [each] of unread) this.inFlight.delete(each);
    const takenBack = [...unread.map(([, pending]) => pending), ...this.waiting];
    this.waiting = [];
    this.options.onClosing();
    for (const { settle } of takenBack) settle({ type: 'lost', sent: false, reason });
  }

  private closeIfIdle(): void {
    if (this.retired && this.inFlight.size === 0 && this.waiting.length === 0) this.close();
  }

  /** TCP says nothing of a node that hangs: with answers owed, silence is met with a PING, and then with an end. */
  private checkQuiet(): void {
    if (this.heard || this.paused || this.inFlight.size === 0) {
      this.heard = false;
      this.unansweredPings = 0;
    } else if (this.unansweredPings === unansweredPingsMax) {
      this.end(`it has not answered for ${this.options.quietMs * (unansweredPingsMax + 1)} ms`);
    } else if (this.inFlight.size < this.limits.requestsInFlightMax) {
      this.unansweredPings++;
      const request = encodeRequest({ verb: 'PING' });
      this.socket.write(this.tagged(this.pendingFor(request, unwatched)));
    } else if (this.unansweredPings > 0) {
      this.unansweredPings++;
    }
    // Else the node takes a single request at a time, and reads no PING meanwhile: its silence says nothing.
  }

  private end(reason: string, { silently = false } = {}): void {
    if (this.ended !== null) return;
    this.ended = { reason };
    clearInterval(this.quietTimer);
    this.socket.destroy();
    const unanswered = [...this.inFlight.values()];
    const unsent = this.waiting;
    this.inFlight.clear();
    this.waiting = [];
    if (!silently) this.options.onLost({ reason, unansweredCount: unanswered.length });
    for (const { settle } of unanswered) settle({ type: 'lost', sent: true, reason });
    for (const { settle } of unsent) settle({ type: 'lost', sent: false, reason });
  }
}

/** A PING: that anything is heard is answer enough. */
const unwatched: Asking = { signal: undefined, onItem: null, settle: () => {} };

/** What the node would answer in place of a request that it could not read on after; else the request as it is sent. */
function encodeOrRefuse(request: ClientRequest, limits: NodeLimits): EncodedRequest | Refusal {
  try {
    return encodeRequest(request, limits);
  } catch (error) {
    if (!(error instanceof RondoError) || !closingCodes.has(error.code)) throw error;
    return { ok: false, code: error.code, message: error.message };
  }
}

function described(reply: ClientReply): string {
  return reply.ok ? 'it sent an answer that nobody asked for' : `${reply.code}: ${reply.message}`;
}
