import { nearestName } from '../protocol/spelling.js';

/** "; did you mean `x`?" for a key that is a slip of the pen off a known one, or nothing. */
export function didYouMean(written: string, known: readonly string[]): string {
  const nearest = nearestName(written, known, plainOf);
  return nearest === null ? '' : `; did you mean \`${nearest}\`?`;
}

/** `key-file`, `KEY_FILE` and `keyfile` are the same word to people. */
function plainOf(key: string): string {
  return key.toLowerCase().replace(/[-_ ]/g, '');
}
