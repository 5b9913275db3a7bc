import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

export const options = { timeout: '1m', retries: 2 };

/** The SHA-256 of a file, given its path: `rondo run sha256 '"/etc/hostname"'`. */
export default async function sha256(file, ctx) {
  if (typeof file !== 'string') throw new TypeError('sha256 takes the path of a file');
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, { signal: ctx.signal });
  return { file, sha256: hash.digest('hex'), node: ctx.node, attempt: ctx.attempt };
}
