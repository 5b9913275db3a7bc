import { join } from 'node:path';
import { RondoError } from '../core/errors.js';
import { type NodeId, nodeIdPattern } from '../core/ids.js';
import { incarnationMax, incarnationsPerStart } from '../core/member.js';
import { readTextFile, writeFileDurably } from './durable-file.js';
import { newNodeId } from './node-ids.js';

/** Who a node is, over all its starts. */
export interface Identity {
  readonly id: NodeId;
  /** How often it was started, this time included; its incarnations begin at `starts × incarnationsPerStart`. */
  readonly starts: number;
}

const fileName = 'identity.json';
const version = 1;
const startsMax = incarnationMax / incarnationsPerStart - 1;

/** The identity of a node that keeps nothing: new at every start. */
export function ephemeralIdentity(): Identity {
  return { id: newNodeId(), starts: 1 };
}

/**
 * Reads the identity kept in a directory, or makes one, and counts this start. The higher count is on disk before
 * anything is done with it, so no two starts ever share an incarnation. Throws `DATA_DIR_CORRUPT`.
 */
export function nextIdentity(directory: string): Identity {
  const file = join(directory, fileName);
  const text = readTextFile(file);
  const last = text === null ? { id: newNodeId(), starts: 0 } : parseIdentity(file, text);
  const identity = { id: last.id, starts: last.starts + 1 };
  writeFileDurably(file, `${JSON.stringify({ version, ...identity })}\n`);
  return identity;
}

/** Never replaced by a new one in silence: the journal beside it belongs to the old id. */
function parseIdentity(file: string, text: string): Identity {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw corrupt(file, 'it is not JSON', cause);
  }
  const { version: found, id, starts } = (content ?? {}) as Record<string, unknown>;
  if (found !== version && Number.isInteger(found)) {
    throw corrupt(
      file,
      `it has version ${found}, and this Rondo knows ${version}; was it written by a newer one?`,
    );
  }
  if (found !== version || typeof id !== 'string' || !nodeIdPattern.test(id))
    throw corrupt(file, 'it holds no node id');
  if (!Number.isInteger(starts) || (starts as number) < 0 || (starts as number) >= startsMax) {
    throw corrupt(file, 'its count of starts is not usable');
  }
  return { id, starts: starts as number };
}

function corrupt(file: string, reason: string, cause?: unknown): RondoError {
  return new RondoError(
    'DATA_DIR_CORRUPT',
    `${file} is damaged: ${reason}. Restore it from a backup, or move the whole data directory away to start as a new node`,
    { cause },
  );
}
