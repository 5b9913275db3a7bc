import { join } from 'node:path';
import { type Identity, identityFile, nextIdentity as nextIdentityOf } from '../core/identity.js';
import { readTextFile, writeFileDurably } from './durable-file.js';
import { newNodeId } from './node-ids.js';

export type { Identity } from '../core/identity.js';

/** The identity of a node that keeps nothing: new at every start. */
export function ephemeralIdentity(): Identity {
  return { id: newNodeId(), starts: 1 };
}

/** Reads the identity kept in a directory, or makes one, and counts this start: the higher count is on disk on return. Throws `DATA_DIR_CORRUPT`. */
export function nextIdentity(directory: string): Identity {
  const path = join(directory, identityFile);
  const { identity, text } = nextIdentityOf(readTextFile(path), { path, newId: newNodeId });
  writeFileDurably(path, text);
  return identity;
}
