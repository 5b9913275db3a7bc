import type { NodeEffect, NodeEvent } from '../core/effects.js';
import type { LinkId, NodeId } from '../core/ids.js';
import type { LinksConfig } from '../core/links/config.js';
import type { SimNode } from './sim-node.js';
import type { Invariant } from './violation.js';

export interface LinkInvariantsOptions {
  readonly config: LinksConfig;
  readonly fail: (invariant: Invariant, node: string, what: string) => never;
}

/** The links that a node has by its own account, all and by peer. */
interface NodeLinks {
  readonly peers: Map<LinkId, NodeId>;
  readonly counts: Map<NodeId, number>;
}

/** Invariant 8 at every step: no node keeps more links than it may, in all and to one peer. */
export class LinkInvariants {
  private readonly links = new WeakMap<SimNode, NodeLinks>();

  constructor(private readonly options: LinkInvariantsOptions) {}

  stepped(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void {
    const links = this.linksOf(node);
    if (event.type === 'link_closed') remove(links, event.link);
    if (event.type === 'link_opened') add(links, event.link, event.hello.node);
    for (const effect of effects) if (effect.type === 'close_link') remove(links, effect.link);
    if (event.type !== 'link_opened') return;
    const { linksMax, pairLinksMax } = this.options.config;
    const { node: peer, name } = event.hello;
    if (links.peers.size > linksMax)
      this.fail(node, `it has ${links.peers.size} links, and ${linksMax} are the most`);
    const count = links.counts.get(peer) ?? 0;
    if (count > pairLinksMax)
      this.fail(node, `it has ${count} links to ${name}, and ${pairLinksMax} are the most`);
  }

  /** How many links it has to each peer that it has any to. */
  countsOf(node: SimNode): ReadonlyMap<NodeId, number> {
    return this.linksOf(node).counts;
  }

  private linksOf(node: SimNode): NodeLinks {
    const known = this.links.get(node);
    if (known !== undefined) return known;
    const links: NodeLinks = { peers: new Map(), counts: new Map() };
    this.links.set(node, links);
    return links;
  }

  private fail(node: SimNode, what: string): never {
    return this.options.fail(8, node.name, what);
  }
}

function add({ peers, counts }: NodeLinks, link: LinkId, peer: NodeId): void {
  peers.set(link, peer);
  counts.set(peer, (counts.get(peer) ?? 0) + 1);
}

function remove({ peers, counts }: NodeLinks, link: LinkId): void {
  const peer = peers.get(link);
  if (peer === undefined) return;
  peers.delete(link);
  const count = (counts.get(peer) ?? 0) - 1;
  if (count > 0) counts.set(peer, count);
  else counts.delete(peer);
}
