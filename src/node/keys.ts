import { readFileSync, statSync } from 'node:fs';
import { isLoopback } from '../core/address.js';
import { RondoError } from '../core/errors.js';
import { type ClusterKey, clientTokenOf, parseKeys } from '../net/cluster-key.js';
import type { NodeConfig } from './config.js';

export interface NodeKeys {
  /** The first is used, all are accepted; none: plain links, on loopback only. */
  readonly cluster: readonly ClusterKey[];
  /** What clients must send with AUTH; null: nothing. */
  readonly clientToken: string | null;
}

/** A key file is a few lines; something larger is another file. */
const keyFileBytesMax = 64 * 1024;

/**
 * Reads the cluster keys. Clients of a node whose client port is beyond loopback must always show a token: the one
 * that is set, else the one that follows from the first key. Throws BAD_KEY.
 */
export function loadKeys(config: NodeConfig): NodeKeys {
  const cluster = clusterKeys(config);
  const [first] = cluster;
  const derived = first !== undefined && !isLoopback(config.client.host) ? clientTokenOf(first) : null;
  return { cluster, clientToken: config.clientToken?.reveal() ?? derived };
}

function clusterKeys({ key, keyFile }: NodeConfig): ClusterKey[] {
  if (key !== null) return parseKeys(key.reveal(), 'RONDO_KEY');
  return keyFile === null ? [] : parseKeys(readKeyFile(keyFile), `the key file ${keyFile}`);
}

function readKeyFile(path: string): string {
  try {
    if (statSync(path).size > keyFileBytesMax) throw new Error('it is too large to be a key file');
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new RondoError(
      'BAD_KEY',
      `the key file ${path} can't be read: ${keyFileFault(path, cause as Error)}`,
      {
        cause,
      },
    );
  }
}

function keyFileFault(path: string, { message, code }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return `there is no such file; make one with \`rondo keygen ${path}\`, or copy that of the cluster there`;
    case 'EACCES':
    case 'EPERM':
      return 'this user may not read it; give it to the user that runs the node, with chown';
    case 'EISDIR':
      return 'it is a directory; name the file in it';
    default:
      return message;
  }
}
