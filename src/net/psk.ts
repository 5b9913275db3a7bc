import type { ConnectionOptions, TlsOptions } from 'node:tls';
import type { ClusterKey } from './cluster-key.js';

/** TLS 1.3 with a pre-shared key (RFC 8446, 2.2 and 4.2.11): encrypted, both sides proven, no certificate anywhere. */
const pskOnly = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;

/** How a node accepts connections: whatever key of its own the peer names. */
export function pskServerOptions(keys: readonly ClusterKey[], handshakeTimeoutMs: number): TlsOptions {
  const secrets = new Map(keys.map((key) => [key.identity, key.secret]));
  return {
    ...pskOnly,
    handshakeTimeout: handshakeTimeoutMs,
    // Without a certificate there is nothing else to go on with, so an unknown key ends the handshake.
    pskCallback: (_socket, identity) => secrets.get(identity) ?? null,
  };
}

/** How a node dials: with the first of its keys. */
export function pskDialOptions(key: ClusterKey): ConnectionOptions {
  return {
    ...pskOnly,
    // A server that doesn't know the key may offer a certificate instead: none is ever good enough.
    ca: [],
    checkServerIdentity: () => new Error('the peer offers a certificate instead of the key'),
    pskCallback: () => ({ identity: key.identity, psk: key.secret }),
  };
}

/** Why a TLS dial failed, in words that say what to do; null when it was not for TLS that it failed. */
export function explainDialTlsError(error: NodeJS.ErrnoException, key: ClusterKey): string | null {
  const code = error.code ?? '';
  if (notTls.test(code)) {
    return 'that node speaks without a key and this one has a key: give both the same --key-file';
  }
  if (
    /^(?:ERR_SSL_|ERR_TLS_|UNABLE_|SELF_SIGNED|DEPTH_ZERO|CERT_)/.test(code) ||
    /certificate/.test(error.message)
  ) {
    return `that node doesn't accept key ${key.identity}: put that key into its key file, or its key into this node's`;
  }
  return null;
}

/** Why somebody's TLS handshake with this node failed. */
export function explainAcceptTlsError(error: NodeJS.ErrnoException): string {
  const code = error.code ?? '';
  if (code === 'ERR_SSL_HTTP_REQUEST') return 'HTTP was spoken on the peer port';
  if (notTls.test(code))
    return 'a node without a key, or another program, dialled the peer port: it wants TLS with the key';
  if (code === 'ECONNRESET') return 'a connection was given up before the key was shown';
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'the key was not shown in time';
  return "a key was offered that this node doesn't accept: put it into this node's key file, or this node's into theirs";
}

/** What OpenSSL says when the bytes are no TLS records. */
const notTls =
  /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|HTTPS_PROXY_REQUEST|RECORD_LAYER|BAD_RECORD_TYPE|UNSUPPORTED_PROTOCOL|UNKNOWN_PROTOCOL)/;
