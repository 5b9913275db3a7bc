import { RondoError } from './errors.js';
import { type NodeId, nodeIdPattern } from './ids.js';
import { incarnationMax, incarnationsPerStart } from './member.js';

/** Who a node is, over all its starts. */
export interface Identity {
  readonly id: NodeId;
  /** How often it was started, this time included; its incarnations begin at `starts × incarnationsPerStart`. */
  readonly starts: number;
}

/** In a node's data directory. */
export const identityFile = 'identity.json';
const version = 1;
const startsMax = incarnationMax / incarnationsPerStart - 1;

/**
 * What a start makes of the identity that was kept, null at the first start. `text` must be on disk before anything is done
 * with the identity, so that no two starts ever share an incarnation. Throws `DATA_DIR_CORRUPT`.
 */
export function nextIdentity(
  kept: string | null,
  { path, newId }: { path: string; newId: () => NodeId },
): { readonly identity: Identity; readonly text: string } {
  const last = kept === null ? { id: newId(), starts: 0 } : parseIdentity(path, kept);
  const identity = { id: last.id, starts: last.starts + 1 };
  return { identity, text: `${JSON.stringify({ version, ...identity })}\n` };
}

/** Never replaced by a new one in silence: the journal beside it belongs to the old id. */
function parseIdentity(path: string, text: string): Identity {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw corrupt(path, 'it is not JSON', cause);
  }
  const { version: found, id, starts } = (content ?? {}) as Record<string, unknown>;
  if (found !== version && Number.isInteger(found)) {
    throw corrupt(
      path,
      `it has version ${found}, and this Rondo knows ${version}; was it written by a newer one?`,
    );
  }
  if (found !== version || typeof id !== 'string' || !nodeIdPattern.test(id))
    throw corrupt(path, 'it holds no node id');
  if (!Number.isInteger(starts) || (starts as number) < 0 || (starts as number) >= startsMax) {
    throw corrupt(path, 'its count of starts is not usable');
  }
  return { id, starts: starts as number };
}

function corrupt(path: string, reason: string, cause?: unknown): RondoError {
  return new RondoError(
    'DATA_DIR_CORRUPT',
    `${path} is damaged: ${reason}. Restore it from a backup, or move the whole data directory away to start as a new node`,
    { cause },
  );
}
