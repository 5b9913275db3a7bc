import { createHash } from 'node:crypto';

/** CPU-bound: the SHA-256 of a million bytes, the decimal digits of the seed repeated. */
export default ({ seed }) =>
  createHash('sha256')
    .update(Buffer.alloc(1_000_000, String(seed)))
    .digest('hex');
