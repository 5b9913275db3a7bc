import { createHash, timingSafeEqual } from 'node:crypto';

/** Tells whether a token is the right one. */
export type TokenCheck = (given: string) => boolean;

/**
 * A check that takes as long for a wrong token as for the right one, whatever their lengths: digests are compared,
 * not the tokens, so the time says nothing about how much of a guess was right.
 */
export function createTokenCheck(token: string): TokenCheck {
  const expected = digest(token);
  return (given) => timingSafeEqual(digest(given), expected);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
