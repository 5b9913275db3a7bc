import type { Hello } from '../hello.js';
import type { LinkId, NodeId } from '../ids.js';

/** A link that has shown its hello. */
export interface OpenLink {
  readonly link: LinkId;
  readonly hello: Hello;
  /** The address this node dialled, or null if the peer dialled. */
  readonly dialled: string | null;
  readonly openedAtMs: number;
  /** When work was last sent or received on it; never: -Infinity. */
  usedAtMs: number;
  /** It lost against another link of its pair, its member is gone, or it was a probe's: closed then. Set by `LinkTable.closeAt`. */
  readonly closeAtMs: number;
}

/** Open links by number and by node. For a moment there may be two to a node; both ends agree which of them counts. */
export class LinkTable {
  readonly #self: NodeId;
  readonly #byLink = new Map<LinkId, OpenLink>();
  /** Oldest first. */
  readonly #byNode = new Map<NodeId, OpenLink[]>();
  /** Null: to be found anew. It is asked for much more often than it changes. */
  #nextCloseMs: number | null = Number.POSITIVE_INFINITY;

  constructor(self: NodeId) {
    this.#self = self;
  }

  get size(): number {
    return this.#byLink.size;
  }

  get nodeCount(): number {
    return this.#byNode.size;
  }

  all(): Iterable<OpenLink> {
    return this.#byLink.values();
  }

  nodes(): Iterable<NodeId> {
    return this.#byNode.keys();
  }

  /** The one to each peer that counts. */
  currentOfAll(): OpenLink[] {
    return [...this.#byNode.keys()].flatMap((node) => this.current(node) ?? []);
  }

  /** When the next link is to be closed, or Infinity. */
  get nextCloseMs(): number {
    if (this.#nextCloseMs !== null) return this.#nextCloseMs;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { closeAtMs } of this.#byLink.values()) nextMs = Math.min(nextMs, closeAtMs);
    this.#nextCloseMs = nextMs;
    return nextMs;
  }

  /** Infinity: it stays. */
  closeAt(open: OpenLink, atMs: number): void {
    const wasNext = open.closeAtMs === this.#nextCloseMs;
    (open as { closeAtMs: number }).closeAtMs = atMs;
    if (this.#nextCloseMs === null) return;
    if (atMs <= this.#nextCloseMs) this.#nextCloseMs = atMs;
    else if (wasNext) this.#nextCloseMs = null;
  }

  overdue(nowMs: number): OpenLink[] {
    if (nowMs < this.nextCloseMs) return [];
    return [...this.#byLink.values()].filter(({ closeAtMs }) => closeAtMs <= nowMs);
  }

  get(link: LinkId): OpenLink | undefined {
    return this.#byLink.get(link);
  }

  isLinkedAt(address: string): boolean {
    for (const { hello } of this.#byLink.values()) if (hello.address === address) return true;
    return false;
  }

  of(node: NodeId): readonly OpenLink[] {
    return this.#byNode.get(node) ?? [];
  }

  /**
   * The link that is sent on. Dialled by the lower id of the two comes first: both ends see that alike. Of several by the same end,
   * the dialler keeps its oldest, and the other takes the newest: whoever dials again has lost, or will close, the one before.
   */
  current(node: NodeId): OpenLink | null {
    let best: OpenLink | null = null;
    for (const candidate of this.of(node)) {
      if (best === null || this.#isBetter(candidate, best)) best = candidate;
    }
    return best;
  }

  /**
   * The one to close of a pair with a loser that lingers. A peer that dials while this end has its own link, and keeps the new one, has
   * lost sight of the link that this end had, by a reset that never came here.
   */
  outdated(loser: OpenLink, lingerMs: number): OpenLink {
    const current = this.current(loser.hello.node);
    if (current === null || current.dialled === null || loser.dialled !== null) return loser;
    return loser.openedAtMs > current.openedAtMs + lingerMs ? current : loser;
  }

  add(open: OpenLink): void {
    this.#byLink.set(open.link, open);
    this.closeAt(open, open.closeAtMs);
    this.#byNode.set(open.hello.node, [...this.of(open.hello.node), open]);
  }

  remove(link: LinkId): OpenLink | null {
    const open = this.#byLink.get(link);
    if (open === undefined) return null;
    this.#byLink.delete(link);
    if (open.closeAtMs === this.#nextCloseMs) this.#nextCloseMs = null;
    const left = this.of(open.hello.node).filter((other) => other !== open);
    if (left.length > 0) this.#byNode.set(open.hello.node, left);
    else this.#byNode.delete(open.hello.node);
    return open;
  }

  #isBetter(newer: OpenLink, older: OpenLink): boolean {
    if ((newer.dialled === null) === (older.dialled === null)) return newer.dialled === null;
    const lowerIsSelf = this.#self < newer.hello.node;
    return (newer.dialled !== null) === lowerIsSelf;
  }
}
