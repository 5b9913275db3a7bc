import net, { type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import { isLoopback } from '../core/address.js';
import { RondoError } from '../core/errors.js';
import type { GoodbyeReason, Hello } from '../core/hello.js';
import type { LinkId } from '../core/ids.js';
import type { PeerMessage } from '../core/messages.js';
import { eachByItself, type Together } from '../core/together.js';
import { encodeGoodbye } from '../protocol/peer-codec.js';
import type { PeerFaultCode } from '../protocol/peer-fault.js';
import type { ClusterKey } from './cluster-key.js';
import { dial, noKeyAdvice } from './dial.js';
import type { LinkFailure } from './handshake.js';
import { listenOn } from './listen.js';
import { LogOnce, type NetworkLog } from './log-once.js';
import { defaultPeerNetworkConfig, type PeerNetworkConfig } from './peer-config.js';
import { type LinkTraffic, PeerLink, type PeerLinkEvents } from './peer-link.js';
import type { PeerNetwork, PeerNetworkListener, PeerNetworkStats, PeerShutdown } from './peer-network.js';
import { explainAcceptTlsError, pskServerOptions } from './psk.js';

export interface PeerNetworkOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** All are accepted, the first is used to dial. None: plain, and on loopback only. */
  readonly keys: readonly ClusterKey[];
  /** What to say of this node; asked anew for each connection, as the incarnation rises. */
  readonly hello: () => Hello;
  readonly listener: PeerNetworkListener;
  readonly log: NetworkLog;
  /** Messages of one read are handed over in it. */
  readonly together?: Together;
  readonly config?: Partial<PeerNetworkConfig>;
}

/** Links over TCP, under TLS 1.3 with a pre-shared key when there is one. Opens nothing until `listen` or `dial`. */
export function createPeerNetwork(options: PeerNetworkOptions): PeerNetwork {
  return new TcpPeerNetwork(options);
}

class TcpPeerNetwork implements PeerNetwork {
  readonly #options: PeerNetworkOptions;
  readonly #config: PeerNetworkConfig;
  readonly #once: LogOnce;
  readonly #server: Server;
  /** From the first byte until the socket is gone, so also those that are still saying goodbye. */
  readonly #links = new Map<LinkId, PeerLink>();
  /** Accepted and still in their TLS handshake, by the remote `host:port`. */
  readonly #accepted = new Map<string, Socket>();
  /** How to give up each dial that is not connected yet. */
  readonly #dials = new Set<() => void>();
  readonly #traffic: LinkTraffic = {
    bytesIn: 0,
    bytesOut: 0,
    messagesIn: 0,
    messagesOut: 0,
    messagesDropped: 0,
  };
  readonly #linkEvents: PeerLinkEvents;
  #openCount = 0;
  #protocolErrors = 0;
  #lastLink: LinkId = 0;
  /** Until it settles the server does not count as listening, and yet may come to. */
  #opening: Promise<unknown> | null = null;
  #shutdown: Promise<void> | null = null;
  #saysGoodbye = true;
  #onEmpty: () => void = () => {};

  constructor(options: PeerNetworkOptions) {
    this.#options = options;
    this.#config = { ...defaultPeerNetworkConfig, ...options.config };
    this.#once = new LogOnce(options.log);
    this.#linkEvents = this.#createLinkEvents();
    this.#server = options.keys.length === 0 ? this.#createPlainServer() : this.#createTlsServer();
    this.#server.maxConnections = this.#config.linksMax + this.#config.handshakesMax;
  }

  async listen(): Promise<string> {
    const { host, port, keys } = this.#options;
    if (keys.length === 0 && !isLoopback(host)) {
      throw new RondoError('NO_KEY', `can't listen on ${host}: ${noKeyAdvice}`);
    }
    const opening = listenOn(this.#server, 'the peer port', { host, port });
    this.#opening = opening;
    const address = await opening;
    // From here on an error is that of accepting one connection, say for want of a file descriptor.
    this.#server.on('error', ({ message }) =>
      this.#once.warn('accept', { error: message }, "A connection can't be accepted"),
    );
    return address;
  }

  dial(address: string): void {
    const refusal = this.#dialRefusal();
    if (refusal !== null) {
      setImmediate(() => this.#tellDialFailed(address, refusal));
      return;
    }
    const giveUp = dial({
      address,
      key: this.#options.keys[0] ?? null,
      timeoutMs: this.#config.dialTimeoutMs,
      connected: (socket) => {
        this.#addLink(socket, address);
        this.#dials.delete(giveUp);
      },
      failed: (failure) => {
        this.#dials.delete(giveUp);
        this.#tellDialFailed(address, failure);
        this.#tellIfEmpty();
      },
    });
    this.#dials.add(giveUp);
  }

  send(link: LinkId, message: PeerMessage): void {
    this.#links.get(link)?.send(message);
  }

  close(link: LinkId, reason: GoodbyeReason): void {
    this.#links.get(link)?.close(reason);
  }

  watch(link: LinkId): void {
    this.#links.get(link)?.watch();
  }

  stats(): PeerNetworkStats {
    let queuedBytes = 0;
    for (const link of this.#links.values()) queuedBytes += link.queuedBytes;
    return { ...this.#traffic, links: this.#openCount, protocolErrors: this.#protocolErrors, queuedBytes };
  }

  shutdown({ goodbye = true }: PeerShutdown = {}): Promise<void> {
    this.#saysGoodbye &&= goodbye;
    this.#shutdown ??= this.#endAll();
    for (const link of this.#links.values()) this.#endLink(link);
    return this.#shutdown;
  }

  async #endAll(): Promise<void> {
    // A port that could not be opened has been told to whoever asked for it.
    await this.#opening?.catch(() => {});
    const serverClosed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#accepted.values()) socket.destroy();
    for (const giveUp of this.#dials) giveUp();
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    this.#tellIfEmpty();
    await Promise.all([serverClosed, empty]);
  }

  #endLink(link: PeerLink): void {
    if (this.#saysGoodbye) link.close('leaving');
    else link.abandon();
  }

  #tellIfEmpty(): void {
    if (this.#links.size === 0 && this.#dials.size === 0) this.#onEmpty();
  }

  #createPlainServer(): Server {
    return net.createServer((socket) => {
      if (this.#hasRoomFor(socket)) this.#addLink(socket, null);
    });
  }

  #createTlsServer(): Server {
    const server = tls.createServer(pskServerOptions(this.#options.keys, this.#config.helloTimeoutMs));
    server.on('connection', (raw: Socket) => {
      if (!this.#hasRoomFor(raw)) return;
      const remote = remoteOf(raw);
      this.#accepted.set(remote, raw);
      raw.once('close', () => this.#accepted.delete(remote));
    });
    server.on('secureConnection', (socket) => {
      this.#accepted.delete(remoteOf(socket));
      this.#addLink(socket, null);
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      if (error.code !== 'ECONNRESET') this.#protocolErrors++;
      const fields = { remote: remoteOf(socket), code: error.code };
      const host = socket.remoteAddress ?? 'unknown';
      this.#once.warn(
        `tls ${error.code} ${host}`,
        fields,
        `Refused ${host}: ${explainAcceptTlsError(error)}`,
      );
      // After any other error the socket has been ended already.
      if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') socket.destroy();
    });
    return server;
  }

  /** Whether one more may be accepted; if not it is told, as far as that goes without a handshake, and dropped. */
  #hasRoomFor(socket: Socket): boolean {
    const handshakes = this.#accepted.size + this.#links.size - this.#openCount;
    const room = handshakes < this.#config.handshakesMax && this.#openCount < this.#config.linksMax;
    if (room && this.#shutdown === null) return true;
    const fields = { remote: remoteOf(socket), links: this.#openCount, handshakes };
    this.#once.warn('room', fields, 'Refused a connection: as many as allowed are open');
    socket.on('error', () => {});
    if (this.#options.keys.length > 0) socket.destroy();
    else socket.end(encodeGoodbye('too_many_links'), () => socket.destroy());
    return false;
  }

  #dialRefusal(): LinkFailure | null {
    const { linksMax, handshakesMax } = this.#config;
    if (this.#shutdown !== null) {
      return { reason: 'reset', detail: 'this node is shutting down', goodbye: 'leaving' };
    }
    if (this.#openCount >= linksMax || this.#dials.size >= handshakesMax) {
      const detail = `${this.#openCount} links are open and ${this.#dials.size} dials under way, as many as allowed`;
      return { reason: 'rejected', detail, goodbye: 'too_many_links' };
    }
    return null;
  }

  #addLink(socket: Socket, dialled: string | null): void {
    const link = new PeerLink({
      id: ++this.#lastLink,
      socket,
      dialled,
      secure: this.#options.keys.length > 0,
      hello: this.#options.hello(),
      config: this.#config,
      traffic: this.#traffic,
      events: this.#linkEvents,
      together: this.#options.together ?? eachByItself,
    });
    this.#links.set(link.id, link);
    if (this.#shutdown !== null) this.#endLink(link);
  }

  #createLinkEvents(): PeerLinkEvents {
    const { listener, log } = this.#options;
    return {
      opened: (link, hello) => {
        this.#openCount++;
        listener.linkOpened(link.id, link.dialled, hello);
      },
      message: (link, message) => listener.message(link.id, message),
      pressure: (link, congested) => listener.linkPressure(link.id, congested),
      failed: (link, failure) => {
        if (link.dialled !== null) this.#tellDialFailed(link.dialled, failure);
        else this.#logRefusal(link, failure);
      },
      closed: (link, reason, goodbye) => {
        this.#openCount--;
        if (reason === 'stalled') {
          this.#once.warn(
            `stalled ${link.remote}`,
            { remote: link.remote, peer: link.peerName, bytes: link.queuedBytes },
            `Dropped the link with ${link.peerName}: it reads too slowly, and more waits for it than may be kept`,
          );
        }
        if (reason === 'silent') {
          const text = `Closed the link with ${link.peerName}: others reach it, and nothing comes from it here`;
          this.#once.warn(`silent ${link.remote}`, { remote: link.remote, peer: link.peerName }, text);
        }
        listener.linkClosed(link.id, reason, goodbye);
      },
      fault: (link, fault) => {
        this.#protocolErrors++;
        const fields = { remote: link.remote, code: fault.code };
        this.#once.warn(
          `${fault.code} ${link.remoteHost}`,
          fields,
          `Dropped ${link.remote}: ${fault.message}`,
        );
      },
      oversized: (link, type, bytes) =>
        this.#once.warn(
          `oversized ${type}`,
          { remote: link.remote, bytes },
          `A message of type ${type} is too large to send`,
        ),
      gone: (link) => {
        log.debug({ remote: link.remote }, 'A connection is gone');
        this.#links.delete(link.id);
        this.#tellIfEmpty();
      },
    };
  }

  #tellDialFailed(address: string, { reason, detail, goodbye }: LinkFailure): void {
    this.#options.listener.dialFailed(address, reason, detail, goodbye);
  }

  /** An accepted connection that came to nothing: nobody waits for it, so only the log tells. */
  #logRefusal(link: PeerLink, { reason, detail, goodbye }: LinkFailure): void {
    const fields = { remote: link.remote, code: reason === 'timeout' ? helloTimeout : reason };
    if (reason === 'timeout') this.#protocolErrors++;
    if (reason === 'timeout' || reason === 'rejected') {
      const key = `${reason} ${goodbye} ${link.remoteHost}`;
      this.#once.warn(key, fields, `Refused ${link.remote}: ${detail}`);
    } else this.#options.log.debug(fields, `No link with ${link.remote}: ${detail}`);
  }
}

const helloTimeout: PeerFaultCode = 'HELLO_TIMEOUT';

function remoteOf(socket: Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
}
