import type { Random } from '../random.js';
import type { LinksConfig } from './config.js';
import type { LinkTable, OpenLink } from './link-table.js';
import type { LinkPurpose } from './mesh.js';

/** How often a full node looks for room while its youngest links age. */
const crowdedLooks = 16;

/** Which links of a sparse mesh a node can do without, and when it closes them. */
export class Spares {
  readonly #config: LinksConfig;
  readonly #table: LinkTable;
  readonly #random: Random;
  #dueMs = Number.POSITIVE_INFINITY;
  /** No room can be made before this: thousands that ask for it at once cost one look at all links. */
  #crowdedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(config: LinksConfig, table: LinkTable, random: Random) {
    this.#config = config;
    this.#table = table;
    this.#random = random;
  }

  get nextDeadlineMs(): number {
    return this.#dueMs;
  }

  /** A link is up: it may be there for a moment only, or cost another one its place. */
  opened(open: OpenLink, purpose: LinkPurpose | null, nowMs: number): void {
    const { gossipLinks, gossipLinksMax, probeLinkMs, probeLinksPerStay, spareAgeMs } = this.#config;
    const linkCount = this.#table.nodeCount;
    if (purpose === 'work') open.usedAtMs = nowMs;
    if (purpose === 'probe' && linkCount > gossipLinks && this.#random.below(probeLinksPerStay) > 0) {
      this.#table.closeAt(open, Math.min(open.closeAtMs, nowMs + probeLinkMs));
    } else if (linkCount > gossipLinksMax) {
      this.#dueMs = Math.min(this.#dueMs, nowMs + spareAgeMs);
    }
  }

  /** Those to close now, when it is time to look. */
  due(nowMs: number): OpenLink[] {
    if (nowMs < this.#dueMs) return [];
    const isOver = this.#table.nodeCount > this.#config.gossipLinksMax;
    this.#dueMs = isOver ? nowMs + this.#config.spareAgeMs : Number.POSITIVE_INFINITY;
    return this.#choose(this.#config.spareAgeMs, nowMs);
  }

  /** The one that makes room for a newcomer, which may be one of thousands that join by this node at once. */
  forNewcomer(nowMs: number): OpenLink | undefined {
    if (nowMs < this.#crowdedUntilMs) return undefined;
    const { crowdedAgeMs } = this.#config;
    const spare = this.#anyIdle(crowdedAgeMs, nowMs) ?? this.#choose(crowdedAgeMs, nowMs)[0];
    if (spare === undefined) this.#crowdedUntilMs = nowMs + crowdedAgeMs / crowdedLooks;
    return spare;
  }

  /** One of those that `#choose` takes first, each as likely as any other, in one look at all. */
  #anyIdle(ageMs: number, nowMs: number): OpenLink | undefined {
    const { gossipLinksMax } = this.#config;
    if (this.#table.nodeCount <= gossipLinksMax) return undefined;
    let chosen: OpenLink | undefined;
    let count = 0;
    for (const node of this.#table.nodes()) {
      const open = this.#table.current(node);
      if (open === null || open.openedAtMs > nowMs - ageMs || this.#isUsed(open, nowMs)) continue;
      count++;
      if (this.#random.below(count) === 0) chosen = open;
    }
    return chosen;
  }

  #isUsed({ usedAtMs }: OpenLink, nowMs: number): boolean {
    return usedAtMs > nowMs - this.#config.demandIdleMs;
  }

  /**
   * Those that no work was sent over lately go in any order, since any rule that two nodes share would make cliques of the old and
   * leave the newcomers outside; then the least recently used.
   */
  #choose(ageMs: number, nowMs: number): OpenLink[] {
    const { gossipLinksMax, demandLinksMax } = this.#config;
    const over = this.#table.nodeCount - gossipLinksMax;
    if (over <= 0) return [];
    const grown = this.#table.currentOfAll().filter(({ openedAtMs }) => openedAtMs <= nowMs - ageMs);
    const idle = grown
      .filter((open) => !this.#isUsed(open, nowMs))
      .map((open) => ({ open, place: this.#random.next() }))
      .sort((a, b) => a.place - b.place)
      .map(({ open }) => open);
    const spares = idle.slice(0, over);
    const usedOver = over - spares.length - demandLinksMax;
    if (usedOver <= 0) return spares;
    const used = grown.filter((open) => this.#isUsed(open, nowMs)).sort((a, b) => a.usedAtMs - b.usedAtMs);
    return [...spares, ...used.slice(0, usedOver)];
  }
}
