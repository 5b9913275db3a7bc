import type { DialFailure } from '../core/effects.js';
import type { GoodbyeReason } from '../core/hello.js';
import type { LinkId } from '../core/ids.js';
import type { PeerMessage } from '../core/messages.js';
import type { Random } from '../core/random.js';
import { judgeHello } from '../protocol/peer-hello.js';
import type { SimNode } from './sim-node.js';
import type { SimTime } from './sim-time.js';

export interface SimNetworkOptions {
  /** One-way time of a message, drawn evenly. */
  readonly delayMs: readonly [min: number, max: number];
  /** Part of all messages that TCP has to send again: each comes, and all behind it, `retransmitMs` later. */
  readonly loss: number;
}

interface End {
  readonly node: SimNode;
  readonly link: LinkId;
  /** When the node hears that it is open. */
  openedAtMs: number;
  /** Nothing overtakes on a link. */
  lastArrivalMs: number;
}

interface Wire {
  readonly ends: readonly [End, End];
  isOpen: boolean;
}

const dialTimeoutMs = 5_000;
const retransmitMs = 200;
const arrivalGapMs = 0.000_1;

/**
 * TCP between simulated nodes: in order on each link, any time between links; a reset loses what is on its way; a cut is
 * a black hole, which holds back what is sent into it until it heals or the link breaks.
 */
export class SimNetwork {
  messageCount = 0;
  private readonly wires = new Map<LinkId, Wire>();
  private readonly cuts = new Set<string>();
  /** As given, until a spell of more. */
  loss: number;
  private held: { from: string; to: string; release: () => void }[] = [];
  private lastLink = 0;

  constructor(
    private readonly time: SimTime,
    private readonly random: Random,
    private readonly options: SimNetworkOptions,
    private readonly nodeAt: (address: string) => SimNode | undefined,
  ) {
    this.loss = options.loss;
  }

  dial(from: SimNode, address: string): void {
    this.time.after(this.delayMs(), () => {
      if (from.status === 'dead') return;
      const target = this.nodeAt(address);
      if (target === undefined || target.status === 'dead')
        this.failDial(from, address, 'refused', this.delayMs());
      else if (
        target.status === 'paused' ||
        this.isCut(from.name, target.name) ||
        this.isCut(target.name, from.name)
      ) {
        this.failDial(from, address, 'timeout', dialTimeoutMs);
      } else {
        const refusal = judgeHello(from.hello(), target.hello());
        if (refusal === null) this.open(from, target, address);
        else this.failDial(from, address, 'rejected', this.delayMs(), refusal);
      }
    });
  }

  send(from: SimNode, link: LinkId, message: PeerMessage): void {
    const wire = this.wires.get(link);
    const to = wire?.ends.find((end) => end.link !== link);
    if (wire === undefined || to === undefined || !wire.isOpen) return;
    this.messageCount++;
    this.pass(from.name, to.node.name, () => {
      const againMs = this.random.next() < this.loss ? retransmitMs : 0;
      this.arriveInOrder(to, againMs, () => {
        if (wire.isOpen) to.node.arrive({ type: 'message', link: to.link, message });
      });
    });
  }

  /** Closed on purpose by one end: the goodbye comes after everything sent before it. */
  close(from: SimNode, link: LinkId, goodbye: string): void {
    const wire = this.wires.get(link);
    const to = wire?.ends.find((end) => end.link !== link);
    if (wire === undefined || to === undefined || !wire.isOpen) return;
    this.time.after(0, () => from.arrive({ type: 'link_closed', link, reason: 'local', goodbye: null }));
    this.arriveInOrder(to, 0, () => {
      if (!wire.isOpen) return;
      wire.isOpen = false;
      to.node.arrive({
        type: 'link_closed',
        link: to.link,
        reason: 'goodbye',
        goodbye: goodbye as 'leaving',
      });
    });
  }

  /** The kernel of a killed process resets all its links. */
  resetAll(node: SimNode): void {
    for (const wire of this.wires.values()) if (wire.ends.some((end) => end.node === node)) this.reset(wire);
  }

  /** Breaks every link between two nodes, as a middlebox does: what is on its way is lost, and each end notices by itself. */
  resetBetween(a: string, b: string): void {
    for (const wire of this.wiresBetween(a, b)) this.reset(wire);
  }

  /** Breaks one of the links between two nodes, whichever it is. */
  resetOneBetween(a: string, b: string): void {
    const wires = this.wiresBetween(a, b);
    const wire = wires[this.random.below(Math.max(1, wires.length))];
    if (wire !== undefined) this.reset(wire);
  }

  linkCountBetween(a: string, b: string): number {
    return this.wiresBetween(a, b).length;
  }

  cut(from: string, to: string): void {
    this.cuts.add(`${from}>${to}`);
  }

  uncut(from: string, to: string): void {
    this.cuts.delete(`${from}>${to}`);
    for (const { from, to, release } of this.held.splice(0)) this.pass(from, to, release);
  }

  heal(): void {
    this.cuts.clear();
    for (const { from, to, release } of this.held.splice(0)) this.pass(from, to, release);
  }

  private wiresBetween(a: string, b: string): Wire[] {
    // Each wire is there twice, once for each of its ends.
    return [...new Set(this.wires.values())].filter(({ isOpen, ends }) => {
      const names = ends.map((end) => end.node.name);
      return isOpen && names.includes(a) && names.includes(b);
    });
  }

  private reset(wire: Wire): void {
    if (!wire.isOpen) return;
    wire.isOpen = false;
    for (const { node, link, openedAtMs } of wire.ends) {
      // No end hears of the break before it has heard of the link.
      this.time.after(Math.max(0, openedAtMs - this.time.nowMs) + this.delayMs(), () =>
        node.arrive({ type: 'link_closed', link, reason: 'reset', goodbye: null }),
      );
    }
  }

  private open(from: SimNode, to: SimNode, address: string): void {
    const ends: [End, End] = [
      { node: from, link: ++this.lastLink, openedAtMs: 0, lastArrivalMs: 0 },
      { node: to, link: ++this.lastLink, openedAtMs: 0, lastArrivalMs: 0 },
    ];
    const wire: Wire = { ends, isOpen: true };
    for (const end of ends) {
      this.wires.set(end.link, wire);
      const other = end.node === from ? to : from;
      const hello = other.hello();
      const dialled = end.node === from ? address : null;
      this.arriveInOrder(end, 0, () =>
        end.node.arrive({ type: 'link_opened', link: end.link, dialled, hello }),
      );
      end.openedAtMs = end.lastArrivalMs;
    }
  }

  private failDial(
    from: SimNode,
    address: string,
    reason: DialFailure,
    afterMs: number,
    goodbye: GoodbyeReason | null = null,
  ): void {
    this.time.after(afterMs, () =>
      from.arrive({ type: 'dial_failed', address, reason, detail: reason, goodbye }),
    );
  }

  private arriveInOrder(end: End, extraMs: number, arrive: () => void): void {
    const earliestMs = this.time.nowMs + this.delayMs() + extraMs;
    // Strictly later than what came before: what happens at the same moment happens in no order.
    end.lastArrivalMs = Math.max(end.lastArrivalMs + arrivalGapMs, earliestMs);
    this.time.after(end.lastArrivalMs - this.time.nowMs, arrive);
  }

  private pass(from: string, to: string, release: () => void): void {
    if (this.isCut(from, to)) this.held.push({ from, to, release });
    else release();
  }

  private isCut(from: string, to: string): boolean {
    return this.cuts.has(`${from}>${to}`);
  }

  private delayMs(): number {
    const [minMs, maxMs] = this.options.delayMs;
    return minMs + this.random.next() * (maxMs - minMs);
  }
}
