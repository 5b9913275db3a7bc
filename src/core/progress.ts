import { limits } from './limits.js';

/**
 * Whether this is a progress value as it is kept and shown: the text of one JSON value on one line, within the limits.
 * Checked wherever one enters, from a thread or from a peer, as from there on it is passed on as it stands.
 */
export function isProgressText(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > limits.progressLengthMax) return false;
  if (lineBreak.test(text) || jsonDepth(text) > limits.progressDepthMax) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** How deep arrays and objects are nested in a JSON text; a scalar's depth is 0. By no recursion, whatever the depth. */
export function jsonDepth(text: string): number {
  let depth = 0;
  let depthMax = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (isInString) {
      if (character === '\\') index++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '[' || character === '{') depthMax = Math.max(depthMax, ++depth);
    else if (character === ']' || character === '}') depth--;
  }
  return depthMax;
}

/** Between values these are allowed in JSON, but a reply is one line. */
const lineBreak = /[\n\r]/;
