import { createHmac, randomBytes } from 'node:crypto';
import { RondoError } from '../core/errors.js';

/** A key that nodes of one cluster share. */
export interface ClusterKey {
  /** A fingerprint that names the key: sent in the clear, fit for logs, and no way back to the secret. */
  readonly identity: string;
  /** 32 bytes. */
  readonly secret: Buffer;
}

const textPrefix = 'rondo-key-1:';
const secretBytes = 32;
/** More than anybody rotates through; a file with more is not a key file. */
const keysMax = 16;

/** A new key as one line of text, `rondo-key-1:` and 32 random bytes in base64url. */
export function generateKey(): string {
  return textPrefix + randomBytes(secretBytes).toString('base64url');
}

/**
 * Reads a key file: one key a line, empty lines and those that begin with # left out. All are accepted from peers, the
 * first is the one that this node uses. Throws a RondoError BAD_KEY that names the line and never shows it.
 */
export function parseKeys(text: string): ClusterKey[] {
  const keys: ClusterKey[] = [];
  for (const [index, rawLine] of text.split('\n').entries()) {
    const line = rawLine.trim();
    if (line === '' || line.startsWith('#')) continue;
    keys.push(parseKey(line, index + 1));
  }
  if (keys.length === 0) throw badKey('there is no key in it');
  if (keys.length > keysMax) throw badKey(`it holds ${keys.length} keys; at most ${keysMax} are accepted`);
  if (new Set(keys.map((key) => key.identity)).size < keys.length) throw badKey('it holds a key twice');
  return keys;
}

/** What clients of a node beyond loopback say with AUTH: derived from the key, so there is no second secret to hand out. */
export function clientTokenOf(key: ClusterKey): string {
  return derive(key.secret, 'rondo client token').toString('base64url');
}

function parseKey(line: string, lineNumber: number): ClusterKey {
  const encoded = line.startsWith(textPrefix) ? line.slice(textPrefix.length) : '';
  const secret = Buffer.from(encoded, 'base64url');
  // Encoding it again shows what the decoder has silently skipped.
  if (secret.length !== secretBytes || secret.toString('base64url') !== encoded) {
    throw badKey(`line ${lineNumber} is not ${textPrefix} and ${secretBytes} bytes in base64url`);
  }
  return { identity: `rondo-${derive(secret, 'rondo key identity').toString('hex').slice(0, 16)}`, secret };
}

/** HMAC-SHA-256 under the key: what is derived for one purpose says nothing of the key or of another purpose. */
function derive(secret: Buffer, label: string): Buffer {
  return createHmac('sha256', secret).update(label).digest();
}

function badKey(reason: string): RondoError {
  return new RondoError('BAD_KEY', `the key file can't be used: ${reason}; make a key with: rondo keygen`);
}
