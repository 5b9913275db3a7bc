import type { DialFailure } from '../core/effects.js';
import type { GoodbyeReason, Hello } from '../core/hello.js';
import { type ForeignProtocol, foreignBytesWanted, foreignProtocol } from '../protocol/frame-foreign.js';
import { encodeHello, type PeerFrame } from '../protocol/peer-codec.js';
import { PeerFault } from '../protocol/peer-fault.js';
import { explainRefusal, judgeHello } from '../protocol/peer-hello.js';

/** Why a connection came to no link. */
export interface LinkFailure {
  readonly reason: DialFailure;
  /** A sentence for people, with what to do about it. */
  readonly detail: string;
  /** The refusal, whichever side it came from; null when there was none. */
  readonly goodbye: GoodbyeReason | null;
}

export interface HandshakeOptions {
  readonly hello: Hello;
  readonly dialled: string | null;
  readonly secure: boolean;
  readonly config: { readonly helloTimeoutMs: number };
}

/**
 * The exchange of hellos, both sent at once:   a ─hello─► b   b ─hello─► a   or a goodbye with the reason instead.
 * However slowly the bytes come, it is over after `helloTimeoutMs`.
 */
export class Handshake {
  readonly ownHello: Buffer;
  readonly #options: HandshakeOptions;
  readonly #fail: (failure: LinkFailure) => void;
  readonly #timer: NodeJS.Timeout;
  #firstBytes: Buffer = Buffer.alloc(0);

  /** `fail` is called, later, when the hello comes too late or is refused. */
  constructor(options: HandshakeOptions, fail: (failure: LinkFailure) => void) {
    this.#options = options;
    this.#fail = fail;
    this.ownHello = encodeHello(options.hello);
    const { helloTimeoutMs } = options.config;
    this.#timer = setTimeout(
      () => fail({ reason: 'timeout', detail: `no hello came within ${helloTimeoutMs} ms`, goodbye: null }),
      helloTimeoutMs,
    );
  }

  /** The timer no longer runs: the link is open or has failed. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Remembers how the connection began, to tell which protocol it is when it is not this one. */
  see(chunk: Buffer): void {
    if (this.#firstBytes.length >= foreignBytesWanted) return;
    this.#firstBytes = Buffer.concat([this.#firstBytes, chunk.subarray(0, foreignBytesWanted)]);
  }

  /** The hello of a peer that there can be a link with; null when it was refused, and `fail` was told. */
  accept(frame: PeerFrame): Hello | null {
    if (frame.type !== 'hello')
      throw new PeerFault('FRAME_UNEXPECTED', `a frame of type ${frame.type} before the hello`);
    this.stop();
    const refusal = judgeHello(this.#options.hello, frame.hello);
    if (refusal === null) return frame.hello;
    const detail = explainRefusal(refusal, this.#options.hello, frame.hello);
    this.#fail({ reason: 'rejected', detail, goodbye: refusal });
    return null;
  }

  /** The peer said goodbye instead of hello. */
  rejectedWith(reason: GoodbyeReason | null): LinkFailure {
    return {
      reason: 'rejected',
      detail: `the peer refused the link: ${reason ?? 'it gave no known reason'}`,
      goodbye: reason,
    };
  }

  /** What broke the protocol, named by what was really spoken, when that can be told. */
  explain(fault: PeerFault): PeerFault {
    const foreign = this.#foreign();
    if (foreign === null) return fault;
    return new PeerFault('WRONG_PROTOCOL', `${foreign} was spoken where the peer protocol was expected`, {
      cause: fault,
    });
  }

  /** The peer broke the protocol before it was accepted. */
  spoiledBy(fault: PeerFault): LinkFailure {
    if (this.#foreign() === 'TLS') return { reason: 'wrong_key', detail: keyMissing, goodbye: null };
    return { reason: 'protocol_error', detail: `${fault.message} (${fault.code})`, goodbye: null };
  }

  /** The connection broke, or ended without a goodbye (null). */
  brokenBy(error: NodeJS.ErrnoException | null): LinkFailure {
    if (error !== null) {
      return {
        reason: 'reset',
        detail: `the connection broke before the hello: ${error.code ?? error.message}`,
        goodbye: null,
      };
    }
    // A node without a key says hello at once; one with a key ends what doesn't begin with TLS, and says nothing.
    const silent = this.#firstBytes.length === 0 && this.#options.dialled !== null && !this.#options.secure;
    if (silent) return { reason: 'wrong_key', detail: silentEnd, goodbye: null };
    return { reason: 'reset', detail: 'the connection ended before the hello', goodbye: null };
  }

  #foreign(): ForeignProtocol | null {
    return foreignProtocol(this.#firstBytes);
  }
}

const keyMissing = 'that node wants a cluster key and this one has none: give this node the same --key-file';
const silentEnd = `the connection was ended without a word. Either ${keyMissing}; or a proxy answers, and no node is up behind it`;
