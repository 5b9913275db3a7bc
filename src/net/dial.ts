import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { isLoopback, readAddress } from '../core/address.js';
import type { DialFailure } from '../core/effects.js';
import type { ClusterKey } from './cluster-key.js';
import type { LinkFailure } from './handshake.js';
import { explainDialTlsError, pskDialOptions } from './psk.js';

export interface DialOptions {
  /** `host:port` */
  readonly address: string;
  /** Null: plain, and then to this machine only. */
  readonly key: ClusterKey | null;
  readonly timeoutMs: number;
  /** Exactly one of the two is called, once, never from inside `dial`. */
  connected(socket: Socket): void;
  failed(failure: LinkFailure): void;
}

/** Why a node without a key goes nowhere but to its own machine. */
export const noKeyAdvice =
  'without a cluster key a node only talks to its own machine; make a key with: rondo keygen, and give it to every node with --key-file';

/** Connects, with TLS when there is a key, until the socket is ready for the hello. Answers how to give it up, which fails it. */
export function dial(options: DialOptions): () => void {
  const { address, key } = options;
  const parsed = readAddress(address);
  if (parsed === null || parsed.port === 0) {
    return failSoon(options, failure('unresolved', `"${address}" is no address to dial; it takes host:port`));
  }
  if (key === null && !isLoopback(parsed.host)) {
    return failSoon(options, failure('wrong_key', `${address} was not dialled (NO_KEY): ${noKeyAdvice}`));
  }
  const socket = key === null ? net.connect(parsed) : tls.connect({ ...parsed, ...pskDialOptions(key) });
  return watchDial(socket, options);
}

function watchDial(socket: Socket, options: DialOptions): () => void {
  const { key, timeoutMs } = options;
  const readyEvent = key === null ? 'connect' : 'secureConnect';
  const end = (result: LinkFailure | null): void => {
    clearTimeout(timer);
    socket
      .removeListener(readyEvent, onReady)
      .removeListener('error', onError)
      .removeListener('close', onClose);
    if (result === null) {
      options.connected(socket);
      return;
    }
    socket.on('error', () => {});
    socket.destroy();
    options.failed(result);
  };
  const onReady = (): void => end(unprovenReason(socket, key));
  const onError = (error: NodeJS.ErrnoException): void => end(failureOf(error, options));
  const onClose = (): void => end(failure('reset', 'the connection ended before it was ready'));
  const timer = setTimeout(() => end(failure('timeout', `no connection within ${timeoutMs} ms`)), timeoutMs);
  socket.once(readyEvent, onReady).once('error', onError).once('close', onClose);
  // Its `close` follows, and with it the failure.
  return () => socket.destroy();
}

/** Connected is not enough: the key must be proven, or the other end be this machine, whatever a name resolved to. */
function unprovenReason(socket: Socket, key: ClusterKey | null): LinkFailure | null {
  if (socket instanceof tls.TLSSocket) {
    // TLS 1.3 carries the pre-shared key as a resumed session.
    return socket.isSessionReused()
      ? null
      : failure('wrong_key', `the peer has not shown key ${key?.identity}`);
  }
  if (isLoopback(socket.remoteAddress ?? '')) return null;
  return failure('wrong_key', `the name leads to ${socket.remoteAddress} (NO_KEY): ${noKeyAdvice}`);
}

function failureOf(error: NodeJS.ErrnoException, options: DialOptions): LinkFailure {
  const { address, key } = options;
  const tlsDetail = key === null ? null : explainDialTlsError(error, key);
  if (tlsDetail !== null) return failure('wrong_key', tlsDetail);
  switch (error.code) {
    case 'ECONNREFUSED':
      return failure('refused', `nobody listens on ${address}`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
      return failure('unresolved', `the name in ${address} doesn't resolve (${error.code})`);
    case 'ECONNRESET':
    case 'EPIPE':
      return failure('reset', `${address} broke the connection off`);
    case 'ETIMEDOUT':
      return failure('timeout', `${address} doesn't answer`);
    default:
      return failure('unreachable', `${address} can't be reached: ${error.code ?? error.message}`);
  }
}

function failure(reason: DialFailure, detail: string): LinkFailure {
  return { reason, detail, goodbye: null };
}

function failSoon(options: DialOptions, result: LinkFailure): () => void {
  setImmediate(() => options.failed(result));
  return () => {};
}
