import type { Random } from '../random.js';
import type { LinksConfig } from './config.js';
import type { OpenLink } from './link-table.js';
import type { LinkPurpose } from './mesh.js';

/** Which links of a sparse mesh a node can do without, and when it closes them. */
export class Spares {
  readonly #config: LinksConfig;
  readonly #random: Random;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(config: LinksConfig, random: Random) {
    this.#config = config;
    this.#random = random;
  }

  get nextDeadlineMs(): number {
    return this.#dueMs;
  }

  /** A link is up, the `linkCount`-th: it may be there for a moment only, or cost another one its place. */
  opened(open: OpenLink, purpose: LinkPurpose | null, at: { linkCount: number; nowMs: number }): void {
    const { gossipLinks, gossipLinksMax, probeLinkMs, probeLinksPerStay, spareAgeMs } = this.#config;
    if (purpose === 'work') open.usedAtMs = at.nowMs;
    if (purpose === 'probe' && at.linkCount > gossipLinks && this.#random.below(probeLinksPerStay) > 0) {
      open.closeAtMs = Math.min(open.closeAtMs, at.nowMs + probeLinkMs);
    } else if (at.linkCount > gossipLinksMax) {
      this.#dueMs = Math.min(this.#dueMs, at.nowMs + spareAgeMs);
    }
  }

  /** Those to close now, when it is time to look. `links`: the one to each peer that counts. */
  due(links: () => readonly OpenLink[], nowMs: number): OpenLink[] {
    if (nowMs < this.#dueMs) return [];
    const current = links();
    const isOver = current.length > this.#config.gossipLinksMax;
    this.#dueMs = isOver ? nowMs + this.#config.spareAgeMs : Number.POSITIVE_INFINITY;
    return this.#choose(current, this.#config.spareAgeMs, nowMs);
  }

  /** The one that makes room for a newcomer, which may be one of thousands that join by this node at once. */
  forNewcomer(links: readonly OpenLink[], nowMs: number): OpenLink | undefined {
    return this.#choose(links, this.#config.crowdedAgeMs, nowMs)[0];
  }

  /**
   * Those that no work was sent over lately go in any order, since any rule that two nodes share would make cliques of the old and
   * leave the newcomers outside; then the least recently used.
   */
  #choose(links: readonly OpenLink[], ageMs: number, nowMs: number): OpenLink[] {
    const { gossipLinksMax, demandLinksMax, demandIdleMs } = this.#config;
    const over = links.length - gossipLinksMax;
    if (over <= 0) return [];
    const grown = links.filter(({ openedAtMs }) => openedAtMs <= nowMs - ageMs);
    const isUsed = ({ usedAtMs }: OpenLink): boolean => usedAtMs > nowMs - demandIdleMs;
    const idle = grown
      .filter((open) => !isUsed(open))
      .map((open) => ({ open, place: this.#random.next() }))
      .sort((a, b) => a.place - b.place)
      .map(({ open }) => open);
    const spares = idle.slice(0, over);
    const usedOver = over - spares.length - demandLinksMax;
    if (usedOver <= 0) return spares;
    const used = grown.filter(isUsed).sort((a, b) => a.usedAtMs - b.usedAtMs);
    return [...spares, ...used.slice(0, usedOver)];
  }
}
