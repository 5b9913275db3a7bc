import { distance } from 'fastest-levenshtein';

/** The known key that was probably meant, or null when none is near: at most a third of its letters differ. */
export function nearestKey(written: string, known: readonly string[]): string | null {
  const plain = plainOf(written);
  let nearest: string | null = null;
  let nearestDistance = Number.POSITIVE_INFINITY;
  for (const key of known) {
    const keyDistance = distance(plain, plainOf(key));
    if (keyDistance < nearestDistance) {
      nearest = key;
      nearestDistance = keyDistance;
    }
  }
  return nearest !== null && nearestDistance <= Math.max(1, Math.floor(nearest.length / 3)) ? nearest : null;
}

/** "; did you mean `x`?", or nothing. */
export function didYouMean(written: string, known: readonly string[]): string {
  const nearest = nearestKey(written, known);
  return nearest === null ? '' : `; did you mean \`${nearest}\`?`;
}

/** `key-file`, `KEY_FILE` and `keyfile` are the same word to people; long input is cut, as the distance costs its square. */
function plainOf(key: string): string {
  return key.slice(0, 64).toLowerCase().replace(/[-_ ]/g, '');
}
