import { Deadlines } from '../../../src/core/deadlines.js';
import type { MemberRecord } from '../../../src/core/member.js';
import { defaultMembershipConfig, type MembershipConfig } from '../../../src/core/membership/config.js';
import {
  createMembership,
  type Membership,
  type MembershipEvent,
} from '../../../src/core/membership/membership.js';
import type { MembershipMessage } from '../../../src/core/messages.js';
import { createRandom, type Random } from '../../../src/core/random.js';
import { encodeMessage } from '../../../src/protocol/peer-codec.js';
import { aliveMember, helloOf } from './builders.js';

export interface CrowdNetOptions {
  readonly seed: string;
  readonly config?: Partial<MembershipConfig>;
}

/**
 * Hundreds of membership cores with links that stay as they were made, over virtual time, and what they say in bytes. The same
 * seed gives the same run.
 */
export class CrowdNet {
  readonly nodes: CrowdNode[] = [];
  readonly random: Random;
  readonly changes: { atMs: number; seenBy: string; member: MemberRecord }[] = [];
  /** Sent since the start, by type of message. */
  readonly bytes = new Map<MembershipMessage['type'], number>();
  nowMs = 1_000;
  /** Whether a new link between these two can't be made. */
  isCut: (a: CrowdNode, b: CrowdNode) => boolean = () => false;
  readonly #config: MembershipConfig;
  readonly #actions = new Deadlines<() => void>();
  readonly #sizes = new WeakMap<MembershipMessage, number>();

  constructor({ seed, config }: CrowdNetOptions) {
    this.random = createRandom(seed);
    this.#config = { ...defaultMembershipConfig, ...config };
  }

  /** Adds a node that knows these members from the start. */
  add(name: string, known: readonly MemberRecord[] = []): CrowdNode {
    const self = recordOf(name);
    const membership = createMembership({
      self,
      config: this.#config,
      random: this.random.fork(name),
    });
    const node = new CrowdNode(this, self, membership);
    this.nodes.push(node);
    node.start(known);
    return node;
  }

  link(a: CrowdNode, b: CrowdNode): void {
    if (a === b || a.links.has(b.self.id)) return;
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      one.links.set(other.self.id, other);
      this.after(this.random.next() * 5, () =>
        one.tell({ type: 'contact_opened', node: other.self.id, hello: helloOf(other.self) }),
      );
    }
  }

  /** As the links core does where not everybody has a link to everybody; nothing is dialled that is cut off. */
  linkOnDemand(from: CrowdNode, id: string): void {
    const to = this.nodes.find((node) => node.self.id === id);
    if (to !== undefined && !to.isHung && !this.isCut(from, to)) this.link(from, to);
  }

  /** A ring, so that all hang together, and random links beyond it until each node has about `count`. */
  linkAll(nodes: readonly CrowdNode[], count: number): void {
    for (const [index, node] of nodes.entries()) {
      this.link(node, nodes[(index + 1) % nodes.length] as CrowdNode);
      for (let more = 1; more < count / 2; more++) {
        this.link(node, nodes[this.random.below(nodes.length)] as CrowdNode);
      }
    }
  }

  send(to: CrowdNode, from: string, message: MembershipMessage): void {
    const size = this.#sizes.get(message) ?? encodeMessage(message).length;
    this.#sizes.set(message, size);
    this.bytes.set(message.type, (this.bytes.get(message.type) ?? 0) + size);
    this.after(0.2 + this.random.next() * 3, () => to.tell({ type: 'message', from, message }));
  }

  after(delayMs: number, run: () => void): void {
    this.#actions.add(this.nowMs + delayMs, run);
  }

  runFor(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    while (this.#actions.nextMs() <= endMs) this.#runNext();
    this.nowMs = endMs;
  }

  /** Looks every 50 ms; null when it does not come within the limit. */
  runUntil(condition: () => boolean, limitMs: number): number | null {
    const startMs = this.nowMs;
    while (this.nowMs < startMs + limitMs) {
      if (condition()) return this.nowMs - startMs;
      this.runFor(50);
    }
    return null;
  }

  /** Whether all see all as alive. */
  agree(): boolean {
    return this.nodes.every(({ membership }) =>
      this.nodes.every(({ self }) => membership.members().get(self.id)?.state === 'alive'),
    );
  }

  bytesOf(...types: MembershipMessage['type'][]): number {
    return types.reduce((sum, type) => sum + (this.bytes.get(type) ?? 0), 0);
  }

  #runNext(): void {
    this.nowMs = Math.max(this.nowMs, this.#actions.nextMs());
    this.#actions.takeDue(this.nowMs)?.();
  }
}

/** A record of about the size that a real one has. */
export function recordOf(name: string, change: Partial<MemberRecord> = {}): MemberRecord {
  return aliveMember(name, {
    id: name.padEnd(12, '0'),
    incarnation: 2 ** 20,
    address: `${name}.example.net:7410`,
    client: `${name}.example.net:7411`,
    tasks: [{ name: 'echo' }, { name: 'sleep' }, { name: 'fetch' }],
    ...change,
  });
}

export class CrowdNode {
  readonly links = new Map<string, CrowdNode>();
  /** A hung process: its links stay open, and nothing is answered. */
  isHung = false;
  #waiting: MembershipEvent[] = [];
  #tickAtMs = Number.POSITIVE_INFINITY;
  readonly #net: CrowdNet;

  constructor(
    net: CrowdNet,
    readonly self: MemberRecord,
    readonly membership: Membership,
  ) {
    this.#net = net;
  }

  start(known: readonly MemberRecord[]): void {
    this.tell({ type: 'tick', lateMs: 0 });
    const sync = { type: 'sync', members: known, answerWanted: false } as const;
    this.tell({ type: 'message', from: this.self.id, message: sync });
  }

  tell(event: MembershipEvent): void {
    if (this.isHung) {
      this.#waiting.push(event);
      return;
    }
    for (const effect of this.membership.step(event, this.#net.nowMs)) {
      if (effect.type === 'member_changed') {
        this.#net.changes.push({ atMs: this.#net.nowMs, seenBy: this.self.name, member: effect.member });
      }
      if (effect.type === 'contact_wanted') this.#net.linkOnDemand(this, effect.node);
      const to = effect.type === 'send' ? this.links.get(effect.to) : undefined;
      if (effect.type === 'send' && to !== undefined) this.#net.send(to, this.self.id, effect.message);
    }
    this.#schedule();
  }

  /** Goes on after it hung: the late tick comes first, then what waited to be read. */
  wake(): void {
    this.isHung = false;
    const lateMs = Math.max(0, this.#net.nowMs - this.#tickAtMs);
    this.#tickAtMs = Number.POSITIVE_INFINITY;
    this.tell({ type: 'tick', lateMs });
    for (const event of this.#waiting.splice(0)) this.tell(event);
  }

  #schedule(): void {
    const dueMs = Math.max(this.#net.nowMs, this.membership.nextDeadlineMs());
    if (dueMs >= this.#tickAtMs) return;
    this.#tickAtMs = dueMs;
    this.#net.after(dueMs - this.#net.nowMs, () => {
      if (this.#tickAtMs !== dueMs || this.isHung) return;
      this.#tickAtMs = Number.POSITIVE_INFINITY;
      this.tell({ type: 'tick', lateMs: 0 });
    });
  }
}
