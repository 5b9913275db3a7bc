import { isLoopback, isWildcard, readAddress } from '../core/address.js';

/** A node that NODES told of. `id` is what its HELLO must say, or it is another one. */
export interface LearnedNode {
  readonly address: string;
  readonly id: string;
}

/** Enough to find one that lives, few enough to be gone through in a moment. */
export const learnedNodesMax = 8;

export interface LearnedFrom {
  /** Where the node that tells was reached. */
  readonly address: string;
  /** Its id, where it tells it. */
  readonly id: string | null;
  readonly listed: readonly string[];
}

/**
 * The nodes of NODES' answer at which a client could go on, a random few of them, so that not all clients of a lost node meet at one.
 * Left out are those that are not alive or drain, those that are listed anyway, and addresses that can't be meant for this
 * machine: any wildcard, and loopback told by a node that is itself reached in another way.
 */
export function learnedNodesOf(answer: string, from: LearnedFrom): LearnedNode[] {
  const { address, listed } = from;
  const isLocal = isLoopback(readAddress(address)?.host ?? '');
  const found: LearnedNode[] = [];
  for (const member of membersOf(answer)) {
    const { id, client, state, draining } = member;
    if (state !== 'alive' || draining === true || typeof id !== 'string' || typeof client !== 'string')
      continue;
    const { host, port } = readAddress(client) ?? { host: '', port: 0 };
    if (port === 0 || isWildcard(host) || (isLoopback(host) && !isLocal)) continue;
    if (id !== from.id && !listed.includes(client)) found.push({ address: client, id });
  }
  return sampleOf(found, learnedNodesMax);
}

function membersOf(answer: string): Readonly<Record<string, unknown>>[] {
  try {
    const members: unknown = JSON.parse(answer);
    if (!Array.isArray(members)) return [];
    return members.filter((member) => typeof member === 'object' && member !== null);
  } catch {
    return [];
  }
}

function sampleOf<Item>(items: readonly Item[], count: number): Item[] {
  const rest = [...items];
  const taken: Item[] = [];
  while (taken.length < count && rest.length > 0) {
    taken.push(...rest.splice(Math.floor(Math.random() * rest.length), 1));
  }
  return taken;
}
