import type { DialFailure, LinkCloseReason } from '../core/effects.js';
import type { GoodbyeReason, Hello } from '../core/hello.js';
import type { LinkId } from '../core/ids.js';
import type { PeerMessage } from '../core/messages.js';

/** The sockets between nodes: told what to do by the driver, and knowing nothing of membership or jobs. */
export interface PeerNetwork {
  /** Opens the peer port; resolves to the real `host:port`. Rejects with a RondoError (`ADDRESS_IN_USE`, `BAD_ADDRESS`). */
  listen(): Promise<string>;
  /** Dials, shakes hands; ends in `linkOpened` or `dialFailed`, always exactly one, within a bounded time. */
  dial(address: string): void;
  /** Queues a message; gathered and written once a tick. Unknown or closed links are ignored: `linkClosed` has told. */
  send(link: LinkId, message: PeerMessage): void;
  /** Says goodbye with the reason, then closes. `linkClosed` follows with reason `local`. */
  close(link: LinkId, reason: GoodbyeReason): void;
  /** Closes the link when nothing comes on it for `linkSilenceMs` from now on. `linkClosed` follows with reason `silent`. */
  watch(link: LinkId): void;
  /** Counters for metrics; `queuedBytes` is over all links. */
  stats(): PeerNetworkStats;
  /**
   * Says goodbye to all and stops listening; resolves when every socket is gone. A second call without goodbye cuts off
   * the links that are still at theirs.
   */
  shutdown(how?: PeerShutdown): Promise<void>;
}

export interface PeerShutdown {
  /** False: every link is cut, and the peers find out by themselves. Default: true. */
  readonly goodbye?: boolean;
}

export interface PeerNetworkStats {
  readonly links: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly messagesDropped: number;
  readonly protocolErrors: number;
  readonly queuedBytes: number;
}

/** What the network tells; called from the event loop, never from inside `dial`, `send` or `close`. */
export interface PeerNetworkListener {
  linkOpened(link: LinkId, dialled: string | null, hello: Hello): void;
  linkClosed(link: LinkId, reason: LinkCloseReason, goodbye: GoodbyeReason | null): void;
  dialFailed(address: string, reason: DialFailure, detail: string, goodbye: GoodbyeReason | null): void;
  message(link: LinkId, message: PeerMessage): void;
  linkPressure(link: LinkId, congested: boolean): void;
}
