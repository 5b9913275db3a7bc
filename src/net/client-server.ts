import type { ClientCommand } from '../core/commands.js';
import type { RequestId } from '../core/ids.js';
import type { Item, Message } from '../core/item.js';
import type { Reply } from '../core/reply.js';

/** The client port: lines in, commands out; replies in, lines out. */
export interface ClientServer {
  /** Opens the port; resolves to the real `host:port`. Rejects with a RondoError (`ADDRESS_IN_USE`, `BAD_ADDRESS`). */
  listen(): Promise<string>;
  /** Answers a request. Ignored when its client is gone. */
  reply(request: RequestId, reply: Reply): void;
  /** Tells something of a request before its reply. Ignored when its client is gone. */
  item(request: RequestId, item: Item): void;
  /** A message for many subscriptions; one whose client reads too slowly ends with `SLOW_SUBSCRIBER`. */
  deliver(requests: readonly RequestId[], message: Message): void;
  stats(): ClientServerStats;
  /** Takes no new connections; lets the open ones finish for at most `graceMs`, then ends them. */
  shutdown(graceMs: number): Promise<void>;
}

export interface ClientServerStats {
  readonly connections: number;
  readonly requests: number;
  readonly errors: number;
  /** What replies that wait for their clients take, and what lines and bodies that have begun. */
  readonly replyBytes: number;
  readonly receivingBytes: number;
}

export interface ClientServerListener {
  request(request: RequestId, command: ClientCommand): void;
  /** The client of an unanswered request closed its connection altogether (a half-close is no reason), or ended its subscription. */
  requestAbandoned(request: RequestId): void;
  /** The client takes items of this request until they are `upTo` bytes in all. */
  itemsWanted(request: RequestId, upTo: number): void;
}
