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
 * first is the one that this node uses. `source` is where the text comes from. Throws a RondoError BAD_KEY that names it and
 * the line, and never shows that.
 */
export function parseKeys(text: string, source = 'the key file'): ClusterKey[] {
  try {
    return readKeys(text);
  } catch (error) {
    const reason = (error as Error).message;
    throw new RondoError('BAD_KEY', `${source} can't be used: ${reason}; make a key with: rondo keygen`);
  }
}

/** Throws what is wrong with it. */
function readKeys(text: string): ClusterKey[] {
  const keys: ClusterKey[] = [];
  const lines = text.split('\n');
  for (const [index, rawLine] of lines.entries()) {
    const line = rawLine.trim();
    if (line === '' || line.startsWith('#')) continue;
    keys.push(parseKey(line, lines.length === 1 ? 'it' : `line ${index + 1}`));
  }
  if (keys.length === 0) throw new Error('there is no key in it');
  if (keys.length > keysMax) throw new Error(`it holds ${keys.length} keys; at most ${keysMax} are accepted`);
  if (new Set(keys.map((key) => key.identity)).size < keys.length) throw new Error('it holds a key twice');
  return keys;
}

/** What clients of a node beyond loopback say with AUTH: derived from the key, so there is no second secret to hand out. */
export function clientTokenOf(key: ClusterKey): string {
  return derive(key.secret, 'rondo client token').toString('base64url');
}

function parseKey(line: string, place: string): ClusterKey {
  const encoded = line.startsWith(textPrefix) ? line.slice(textPrefix.length) : '';
  const secret = Buffer.from(encoded, 'base64url');
  // Encoding it again shows what the decoder has silently skipped.
  if (secret.length !== secretBytes || secret.toString('base64url') !== encoded) {
    throw new Error(`${place} is not ${textPrefix} and ${secretBytes} bytes in base64url`);
  }
  return { identity: `rondo-${derive(secret, 'rondo key identity').toString('hex').slice(0, 16)}`, secret };
}

/** HMAC-SHA-256 under the key: what is derived for one purpose says nothing of the key or of another purpose. */
function derive(secret: Buffer, label: string): Buffer {
  return createHmac('sha256', secret).update(label).digest();
}
