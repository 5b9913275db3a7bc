import type { NodeId } from '../ids.js';
import { hashText } from '../random.js';

/**
 * Highest-random-weight order (Thaler and Ravishankar, 1998): every node ranks the same nodes for a key in the same
 * order, and a node that comes or goes moves only the keys that it had or gets.
 */
export function rendezvousOrder(key: string, nodes: readonly NodeId[]): NodeId[] {
  return nodes
    .map((node) => ({ node, weight: hashText(`${key}/${node}`) }))
    .sort((a, b) => b.weight - a.weight || (a.node < b.node ? -1 : 1))
    .map(({ node }) => node);
}

/** The first of `rendezvousOrder`, without sorting. */
export function rendezvousFirst(key: string, nodes: readonly NodeId[]): NodeId | null {
  let first: NodeId | null = null;
  let heaviest = -1;
  for (const node of nodes) {
    const weight = hashText(`${key}/${node}`);
    if (weight > heaviest || (weight === heaviest && first !== null && node < first)) {
      first = node;
      heaviest = weight;
    }
  }
  return first;
}

/** The first `count` of `rendezvousOrder`, for a few out of many. */
export function rendezvousTop(key: string, nodes: readonly NodeId[], count: number): readonly NodeId[] {
  if (nodes.length <= 1) return nodes;
  if (count === 1) {
    const first = rendezvousFirst(key, nodes);
    return first === null ? [] : [first];
  }
  return rendezvousOrder(key, nodes).slice(0, count);
}
