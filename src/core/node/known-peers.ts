import { limits } from '../limits.js';
import { isPresent, type MemberRecord } from '../member.js';
import { rendezvousTop } from '../routing/rendezvous.js';

/** Members come in bursts: they are written down once for all that change within this; the first ones soon, as a new node may not live for long. */
const settleMs = 1_000;
const firstSettleMs = 50;

/**
 * Where the other nodes are, to be kept over a restart: a node that was the first of its cluster was started without a seed, and
 * without this nobody would be there for it until the others happen to try it again.
 */
export class KnownPeers {
  private kept: string;
  private dueMs = Number.POSITIVE_INFINITY;

  /** `kept`: what was read at the start. */
  constructor(
    kept: readonly string[],
    private readonly options: {
      readonly self: string;
      readonly members: () => Iterable<MemberRecord>;
      readonly keep: (addresses: readonly string[]) => void;
    },
  ) {
    this.kept = kept.join();
  }

  /** A member came, went or moved. */
  changed(nowMs: number): void {
    this.dueMs = Math.min(this.dueMs, nowMs + (this.kept === '' ? firstSettleMs : settleMs));
  }

  nextDeadlineMs(): number {
    return this.dueMs;
  }

  tick(nowMs: number): void {
    if (nowMs < this.dueMs) return;
    this.dueMs = Number.POSITIVE_INFINITY;
    const addresses = this.present();
    const text = addresses.join();
    // Who is alone now keeps those that it knew last: they may be back when it is.
    if (addresses.length === 0 || text === this.kept) return;
    this.kept = text;
    this.options.keep(addresses);
  }

  /** Of a large cluster each node keeps some others, or those would be dialled by all where all restart. */
  private present(): readonly string[] {
    const { self, members } = this.options;
    const addresses = new Set<string>();
    for (const member of members())
      if (isPresent(member) && member.address !== self) addresses.add(member.address);
    return rendezvousTop(self, [...addresses], limits.knownPeersMax);
  }
}
