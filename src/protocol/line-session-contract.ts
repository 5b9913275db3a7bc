import type { ClientCommand } from '../core/commands.js';
import type { Reply } from '../core/reply.js';
import type { TokenCheck } from './access.js';
import type { ByteBudget } from './byte-budget.js';

export interface LineSessionOptions {
  readonly limits: SessionLimits;
  /** Null: this node asks for no token. */
  readonly tokenCheck: TokenCheck | null;
  /** HELLO's answer, JSON text. */
  readonly hello: string;
  /** Numbers requests; a number is never given twice. */
  readonly nextSeq: () => number;
  /** The client has ended a request of its own, a subscription: nothing more is said of it. */
  readonly ended: (seq: number) => void;
  /** Hears of each answer, for counting, and of each one that tells the client its own mistake, for the log. */
  readonly answered: (reply: Reply, isClientsMistake: boolean) => void;
  /** What lines and bodies that have begun take, of all clients together. */
  readonly receiving: ByteBudget;
  /** Hears when a request is refused since that is used up. */
  readonly refusedForRoom: () => void;
}

export interface SessionLimits {
  readonly lineBytesMax: number;
  readonly bodyBytesMax: number;
  readonly requestsInFlightMax: number;
  /** Bytes of answers that are not taken yet; past it no further request is read. */
  readonly outputBytesHigh: number;
}

/** A request for the node, to be answered with `reply(seq, ...)`. */
export interface SessionCommand {
  readonly seq: number;
  readonly command: ClientCommand;
}
