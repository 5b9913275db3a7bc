import type { ClientCommand } from './commands.js';
import type { GoodbyeReason, Hello } from './hello.js';
import type { LinkId, RequestId, RunId } from './ids.js';
import type { Item, Message } from './item.js';
import type { JournalWrite } from './jobs/journal-log.js';
import type { AttemptOutcome } from './jobs/record.js';
import type { TaskOffer } from './member.js';
import type { PeerMessage, StopReason } from './messages.js';
import type { Payload } from './payload.js';
import type { Reply } from './reply.js';

/** All that can happen to a node. The driver turns what sockets, timers and threads do into these. */
export type NodeEvent =
  /** Some deadline may have passed: see `NodeCore.nextDeadlineMs`. `lateMs`: how much later than asked for. */
  | { readonly type: 'tick'; readonly lateMs: number }
  | {
      readonly type: 'link_opened';
      readonly link: LinkId;
      readonly dialled: string | null;
      readonly hello: Hello;
    }
  | {
      readonly type: 'link_closed';
      readonly link: LinkId;
      readonly reason: LinkCloseReason;
      readonly goodbye: GoodbyeReason | null;
    }
  | {
      readonly type: 'dial_failed';
      readonly address: string;
      readonly reason: DialFailure;
      readonly detail: string;
      readonly goodbye: GoodbyeReason | null;
    }
  | { readonly type: 'message'; readonly link: LinkId; readonly message: PeerMessage }
  /** The queue to a peer went over its mark, or under it again. */
  | { readonly type: 'link_pressure'; readonly link: LinkId; readonly congested: boolean }
  | { readonly type: 'request'; readonly request: RequestId; readonly command: ClientCommand }
  | { readonly type: 'request_abandoned'; readonly request: RequestId }
  /** The client takes items of this request until they are `upTo` bytes in all, by `itemBytes`. */
  | { readonly type: 'items_wanted'; readonly request: RequestId; readonly upTo: number }
  | { readonly type: 'attempt_started'; readonly run: RunId }
  | { readonly type: 'attempt_ended'; readonly run: RunId; readonly outcome: AttemptOutcome }
  | { readonly type: 'attempt_progress'; readonly run: RunId; readonly value: string }
  /** What a handler asks of the cluster, by a number below 0; the reply has the same. */
  | {
      readonly type: 'attempt_call';
      readonly run: RunId;
      readonly request: RequestId;
      readonly command: ClientCommand;
    }
  /** A value that a generator has yielded, or a line or piece of a program's output. */
  | { readonly type: 'attempt_chunk'; readonly run: RunId; readonly chunk: Payload }
  /** The operator wants this node to drain and to leave. */
  | { readonly type: 'leave' }
  /** All that came in one turn of the driver has been handled; due when `NodeCore.wantsFlush`. */
  | { readonly type: 'flush' }
  /** All that was given to the journal up to this number is on disk. */
  | { readonly type: 'journal_written'; readonly seq: number }
  /** The journal takes no writes; what it was given and has not told as written is lost. `code`: as the system names it. */
  | { readonly type: 'journal_failed'; readonly code: string; readonly message: string }
  | { readonly type: 'journal_recovered' }
  | { readonly type: 'tasks_loaded'; readonly tasks: readonly TaskOffer[] };

/**
 * reset: the socket broke (ECONNRESET, EPIPE, or an end without a goodbye); local: this side closed it; stalled: the peer doesn't read;
 * silent: nothing came while it was watched.
 */
export type LinkCloseReason = 'reset' | 'goodbye' | 'protocol_error' | 'stalled' | 'silent' | 'local';
/** refused: nobody listens there (ECONNREFUSED); rejected: a goodbye instead of a hello. */
export type DialFailure =
  | 'refused'
  | 'unreachable'
  | 'timeout'
  | 'unresolved'
  | 'wrong_key'
  | 'rejected'
  | 'protocol_error'
  | 'reset';

/** All that a node can do. The driver performs them in order. */
export type NodeEffect =
  | { readonly type: 'send'; readonly link: LinkId; readonly message: PeerMessage }
  | { readonly type: 'dial'; readonly address: string }
  | { readonly type: 'close_link'; readonly link: LinkId; readonly reason: GoodbyeReason }
  /** It may lead nowhere: it is closed when nothing comes on it for `limits.linkSilenceMs`. */
  | { readonly type: 'watch_link'; readonly link: LinkId }
  | { readonly type: 'reply'; readonly request: RequestId; readonly reply: Reply }
  /** Something that happened, before the reply. */
  | { readonly type: 'item'; readonly request: RequestId; readonly item: Item }
  /** One message for many subscriptions. */
  | { readonly type: 'deliver'; readonly requests: readonly RequestId[]; readonly message: Message }
  | AttemptStart
  | { readonly type: 'stop_attempt'; readonly run: RunId; readonly reason: StopReason }
  /** The attempt may have told chunks of `upTo` bytes in all, by `chunkBytes`; the one that goes over it is told still. */
  | { readonly type: 'chunk_room'; readonly run: RunId; readonly upTo: number }
  /** Where the other nodes are now, `host:port`, the first `limits.knownPeersMax` of them: to be given to the next start of this node. */
  | { readonly type: 'keep_peers'; readonly addresses: readonly string[] }
  /** Numbers rise by one. */
  | { readonly type: 'journal'; readonly seq: number; readonly writes: readonly JournalWrite[] }
  | LogEffect
  /** Everything is handed over or finished, and the peers know: the process may end. */
  | { readonly type: 'gone' }
  /** This node can't go on (its id is in use elsewhere): say why and end with exit code 1. */
  | { readonly type: 'fatal'; readonly code: string; readonly message: string };

export interface AttemptStart {
  readonly type: 'start_attempt';
  readonly run: RunId;
  readonly job: string;
  /** From 1. */
  readonly attempt: number;
  readonly task: string;
  readonly args: Payload;
  readonly priority: number;
  readonly isolate: boolean;
}

export interface LogEffect {
  readonly type: 'log';
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** A sentence for people. */
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}
