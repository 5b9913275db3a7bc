import { distance } from 'fastest-levenshtein';

/** Names are short; of a longer one only this much is compared, since comparing costs the square of its length. */
const comparedLengthMax = 64;

/** The known name that was probably meant, or null when none is near: one letter is wrong, or a third of them at most. */
export function nearestName(
  written: string,
  known: readonly string[],
  plainOf: (name: string) => string = (name) => name,
): string | null {
  const plain = plainOf(written.slice(0, comparedLengthMax));
  let nearest: string | null = null;
  let slipsMin = Number.POSITIVE_INFINITY;
  for (const name of known) {
    const slips = slipCount(plain, plainOf(name));
    if (slips < slipsMin) {
      nearest = name;
      slipsMin = slips;
    }
  }
  return nearest !== null && slipsMin <= Math.max(1, Math.floor(nearest.length / 3)) ? nearest : null;
}

/** Letters changed, added or left out; two neighbours that changed places are one slip, the commonest of all. */
function slipCount(written: string, meant: string): number {
  const changes = distance(written, meant);
  return changes === 2 && isSwap(written, meant) ? 1 : changes;
}

function isSwap(written: string, meant: string): boolean {
  let at = 0;
  while (at < written.length && written[at] === meant[at]) at++;
  return (
    written[at] === meant[at + 1] &&
    written[at + 1] === meant[at] &&
    written.slice(at + 2) === meant.slice(at + 2)
  );
}
