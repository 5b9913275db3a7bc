import type { DialFailure, LogEffect } from '../../../src/core/effects.js';
import { defaultLinksConfig } from '../../../src/core/links/config.js';
import type { Links } from '../../../src/core/links/contract.js';
import { createLinks, type LinksEffect, type LinksEvent } from '../../../src/core/links/links.js';
import { incarnationsPerStart, type MemberRecord, type MemberState } from '../../../src/core/member.js';
import { defaultMembershipConfig } from '../../../src/core/membership/config.js';
import {
  createMembership,
  type Membership,
  type MembershipEffect,
  type MembershipEvent,
} from '../../../src/core/membership/membership.js';
import { createRandom, hashText, type Random } from '../../../src/core/random.js';
import { aliveMember, helloOf, idOf } from './builders.js';

export interface VirtualNetOptions {
  readonly seed: string;
  /** One-way time of a message, drawn evenly. */
  readonly delayMs?: readonly [min: number, max: number];
  /** Part of all messages that TCP has to send again: they come, and all behind them, `retransmitMs` later. */
  readonly loss?: number;
}

interface End {
  readonly node: VirtualNode;
  readonly link: number;
  /** Nothing overtakes on a link. */
  lastArrivalMs: number;
}

interface Wire {
  readonly ends: readonly [End, End];
  isOpen: boolean;
}

type Timed = { readonly atMs: number; readonly order: number; run(): void };

const dialTimeoutMs = 5_000;
const retransmitMs = 200;

/** Nodes made of links and membership cores only, over a network with virtual time. The same seed gives the same run. */
export class VirtualNet {
  readonly nodes = new Map<string, VirtualNode>();
  readonly changes: { atMs: number; seenBy: string; member: MemberRecord }[] = [];
  readonly logs: LogEffect[] = [];
  readonly random: Random;
  readonly #options: Required<VirtualNetOptions>;
  readonly #wires = new Map<number, Wire>();
  readonly #cuts = new Set<string>();
  #held: { from: string; to: string; run(): void }[] = [];
  #queue: Timed[] = [];
  #order = 0;
  #links = 0;
  nowMs = 1_000;
  trace = 0;
  messageCount = 0;

  constructor(options: VirtualNetOptions) {
    this.#options = { delayMs: [0.2, 3], loss: 0, ...options };
    this.random = createRandom(options.seed);
  }

  /** Starts a node under its letter; again, it is a restart with the next range of incarnations. */
  start(letter: string, seeds: readonly string[] = [], change: Partial<MemberRecord> = {}): VirtualNode {
    const starts = (this.nodes.get(letter)?.starts ?? 0) + 1;
    const self = aliveMember(letter, {
      instance: `${letter}${starts}`.padEnd(5, '0'),
      incarnation: starts * incarnationsPerStart,
      ...change,
    });
    const node = new VirtualNode({
      net: this,
      letter,
      starts,
      self,
      seeds: seeds.map((seed) => `${seed}:1`),
    });
    this.nodes.set(letter, node);
    node.step({ type: 'tick', lateMs: 0 });
    return node;
  }

  /** Starts nodes a, b, c, ... that all join by the first, and runs until all know all. */
  startCluster(count: number): string[] {
    const letters = [...'abcdefghijklmnop'].slice(0, count);
    for (const letter of letters) this.start(letter, ['a']);
    this.runUntil(() => this.agree(letters), 2_000);
    return letters;
  }

  runFor(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (let next = this.#queue[0]; next !== undefined && next.atMs <= endMs; next = this.#queue[0]) {
      this.#runNext();
    }
    this.nowMs = endMs;
  }

  /** Virtual milliseconds until the condition holds; throws, with what all nodes see, if it does not in time. */
  runUntil(condition: () => boolean, limitMs: number): number {
    const startMs = this.nowMs;
    while (!condition()) {
      const next = this.#queue[0];
      if (next === undefined || next.atMs > startMs + limitMs) {
        throw new Error(`seed ${this.#options.seed}: not within ${limitMs} ms\n${this.describe()}`);
      }
      this.#runNext();
    }
    return this.nowMs - startMs;
  }

  /** Whether each of these nodes sees all of them alive. */
  agree(letters: readonly string[]): boolean {
    return letters.every((seer) => this.seen(seer, letters).every((state) => state === 'alive'));
  }

  seen(seer: string, letters: readonly string[]): (MemberState | undefined)[] {
    const members = this.node(seer).membership.members();
    return letters.map((letter) => members.get(idOf(letter))?.state);
  }

  node(letter: string): VirtualNode {
    const node = this.nodes.get(letter);
    if (node === undefined) throw new Error(`no node ${letter}`);
    return node;
  }

  /** SIGKILL: the kernel resets its links and refuses dials. */
  kill(letter: string): void {
    const node = this.node(letter);
    node.status = 'dead';
    for (const wire of this.#wires.values()) {
      const [a, b] = wire.ends;
      if (wire.isOpen && (a.node === node || b.node === node)) {
        this.#close(wire, { by: node, goodbye: null });
      }
    }
  }

  /** SIGSTOP: links stay open, nothing is answered. */
  stop(letter: string): void {
    this.node(letter).status = 'stopped';
  }

  /** SIGCONT: the late tick comes first, then what waited in the sockets. */
  resume(letter: string): void {
    const node = this.node(letter);
    node.status = 'running';
    node.step({ type: 'tick', lateMs: Math.max(0, this.nowMs - node.deadlineMs()) });
    for (const run of node.inbox.splice(0)) run();
  }

  /** A black hole from one node to another; TCP holds back what is sent into it. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cuts.clear();
    const held = this.#held;
    this.#held = [];
    for (const { from, to, run } of held) this.#deliver(from, to, run);
  }

  /** Breaks every link between two nodes, as a middlebox does. */
  resetLinks(a: string, b: string): void {
    for (const wire of this.#wires.values()) {
      const letters = wire.ends.map((end) => end.node.letter);
      if (!wire.isOpen || !letters.includes(a) || !letters.includes(b)) continue;
      wire.isOpen = false;
      for (const end of wire.ends) end.node.arrive(() => end.node.step(linkClosed(end.link, null)));
    }
  }

  at(atMs: number, run: () => void): void {
    const timed = { atMs, order: this.#order++, run };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#queue[middle] as Timed).atMs <= atMs) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, timed);
  }

  dial(from: VirtualNode, address: string): void {
    const atMs = this.nowMs + this.#delay();
    const target = [...this.nodes.values()].find((node) => node.self.address === address);
    const fail = (reason: DialFailure, failedAtMs: number) =>
      this.at(failedAtMs, () =>
        from.arrive(() => from.step({ type: 'dial_failed', address, reason, detail: reason, goodbye: null })),
      );
    this.at(atMs, () => {
      if (from.status === 'dead') return;
      if (target === undefined || target.status === 'dead' || this.nodes.get(target.letter) !== target) {
        fail('refused', this.nowMs + this.#delay());
      } else if (target.status === 'stopped' || this.#isCut(from.letter, target.letter)) {
        fail('timeout', this.nowMs + dialTimeoutMs);
      } else {
        this.#open(from, target, address);
      }
    });
  }

  send(from: VirtualNode, link: number, run: (to: VirtualNode, link: number) => void): void {
    const wire = this.#wires.get(link);
    const to = wire?.ends.find((end) => end.link !== link);
    if (wire === undefined || to === undefined || !wire.isOpen) return;
    this.messageCount++;
    this.#deliver(from.letter, to.node.letter, () => {
      const again = this.random.next() < this.#options.loss ? retransmitMs : 0;
      to.lastArrivalMs = Math.max(to.lastArrivalMs, this.nowMs + this.#delay() + again);
      this.at(to.lastArrivalMs, () => {
        if (wire.isOpen) to.node.arrive(() => run(to.node, to.link));
      });
    });
  }

  closeLink(from: VirtualNode, link: number, goodbye: string): void {
    const wire = this.#wires.get(link);
    if (wire?.isOpen) this.#close(wire, { by: from, goodbye });
  }

  note(letter: string, effect: object): void {
    this.trace = hashText(`${this.trace}/${this.nowMs}/${letter}/${JSON.stringify(effect)}`);
  }

  describe(): string {
    const letters = [...this.nodes.keys()];
    const rows = letters.map(
      (seer) => `${seer} (${this.node(seer).status}): ${this.seen(seer, letters).join(' ')}`,
    );
    return rows.join('\n');
  }

  openLinkCount(): number {
    return [...this.#wires.values()].filter((wire) => wire.isOpen).length;
  }

  #open(from: VirtualNode, to: VirtualNode, address: string): void {
    const ends: [End, End] = [
      { node: from, link: ++this.#links, lastArrivalMs: this.nowMs + this.#delay() },
      { node: to, link: ++this.#links, lastArrivalMs: this.nowMs + this.#delay() },
    ];
    const wire: Wire = { ends, isOpen: true };
    for (const [index, end] of ends.entries()) {
      this.#wires.set(end.link, wire);
      const hello = helloOf((index === 0 ? to : from).self);
      const dialled = index === 0 ? address : null;
      this.at(end.lastArrivalMs, () =>
        end.node.arrive(() => end.node.step({ type: 'link_opened', link: end.link, dialled, hello })),
      );
    }
  }

  #close(wire: Wire, { by, goodbye }: { by: VirtualNode; goodbye: string | null }): void {
    wire.isOpen = false;
    for (const end of wire.ends) {
      const atMs = Math.max(end.lastArrivalMs, this.nowMs + this.#delay());
      this.at(atMs, () => {
        if (end.node !== by) end.node.arrive(() => end.node.step(linkClosed(end.link, goodbye)));
      });
    }
  }

  #deliver(from: string, to: string, run: () => void): void {
    if (this.#cuts.has(`${from}>${to}`)) this.#held.push({ from, to, run });
    else run();
  }

  #isCut(a: string, b: string): boolean {
    return this.#cuts.has(`${a}>${b}`) || this.#cuts.has(`${b}>${a}`);
  }

  #delay(): number {
    const [minMs, maxMs] = this.#options.delayMs;
    return minMs + this.random.next() * (maxMs - minMs);
  }

  #runNext(): void {
    const next = this.#queue.shift();
    if (next === undefined) return;
    this.nowMs = Math.max(this.nowMs, next.atMs);
    next.run();
  }
}

function linkClosed(link: number, goodbye: string | null): LinksEvent {
  const reason = goodbye === null ? 'reset' : 'goodbye';
  return { type: 'link_closed', link, reason, goodbye: goodbye as 'leaving' | null };
}

interface VirtualNodeOptions {
  readonly net: VirtualNet;
  readonly letter: string;
  readonly starts: number;
  readonly self: MemberRecord;
  readonly seeds: readonly string[];
}

/** One node: the two cores, and the wiring between them that a real node has too. */
export class VirtualNode {
  readonly letter: string;
  readonly starts: number;
  readonly self: MemberRecord;
  readonly links: Links;
  readonly membership: Membership;
  readonly inbox: (() => void)[] = [];
  readonly contactEvents: LinksEffect[] = [];
  status: 'running' | 'stopped' | 'dead' = 'running';
  fatal: string | null = null;
  readonly #net: VirtualNet;
  #tickAtMs = Number.POSITIVE_INFINITY;

  constructor({ net, letter, starts, self, seeds }: VirtualNodeOptions) {
    this.#net = net;
    this.letter = letter;
    this.starts = starts;
    this.self = self;
    const random = net.random.fork(`${letter}${starts}`);
    this.links = createLinks({ self, seeds, config: defaultLinksConfig, random: random.fork('links') });
    this.membership = createMembership({
      self,
      config: defaultMembershipConfig,
      random: random.fork('membership'),
    });
  }

  /** Runs now, or when the process goes on, or never if it is dead. */
  arrive(run: () => void): void {
    if (this.status === 'running') run();
    else if (this.status === 'stopped') this.inbox.push(run);
  }

  step(event: LinksEvent): void {
    if (this.status !== 'running') return;
    this.#performLinks(this.links.step(event, this.#net.nowMs));
    if (event.type === 'tick') this.#stepMembership(event);
    this.#scheduleTick();
  }

  leave(): void {
    this.#stepMembership({ type: 'leave' });
    this.step({ type: 'leaving' });
  }

  tell(event: MembershipEvent): void {
    this.#stepMembership(event);
    this.#scheduleTick();
  }

  deadlineMs(): number {
    return Math.min(this.links.nextDeadlineMs(), this.membership.nextDeadlineMs());
  }

  #stepMembership(event: MembershipEvent): void {
    for (const effect of this.membership.step(event, this.#net.nowMs)) this.#performMembership(effect);
  }

  #performMembership(effect: MembershipEffect): void {
    this.#net.note(this.letter, effect);
    const { nowMs } = this.#net;
    switch (effect.type) {
      case 'send': {
        const link = this.links.linkTo(effect.to);
        if (link === null) return;
        this.#net.send(this, link, (to, toLink) => {
          const from = to.links.helloOf(toLink)?.node ?? null;
          if (from !== null) to.tell({ type: 'message', from, message: effect.message });
        });
        return;
      }
      case 'member_changed':
        this.#net.changes.push({ atMs: nowMs, seenBy: this.letter, member: effect.member });
        this.#performLinks(this.links.step({ type: 'member_changed', member: effect.member }, nowMs));
        return;
      case 'member_forgotten':
        this.#performLinks(this.links.step({ type: 'member_forgotten', node: effect.member.id }, nowMs));
        return;
      case 'log':
        this.#net.logs.push(effect);
    }
  }

  #performLinks(effects: readonly LinksEffect[]): void {
    for (const effect of effects) {
      this.#net.note(this.letter, effect);
      switch (effect.type) {
        case 'dial':
          this.#net.dial(this, effect.address);
          break;
        case 'close_link':
          this.#net.closeLink(this, effect.link, effect.reason);
          break;
        case 'contact_opened':
        case 'contact_lost':
          this.contactEvents.push(effect);
          this.#stepMembership(effect);
          break;
        case 'address_taken':
          this.#stepMembership(effect);
          break;
        case 'fatal':
          this.fatal = effect.code;
          break;
        case 'log':
          this.#net.logs.push(effect);
      }
    }
  }

  #scheduleTick(): void {
    const dueMs = Math.max(this.#net.nowMs, this.deadlineMs());
    if (dueMs >= this.#tickAtMs && this.#tickAtMs > this.#net.nowMs) return;
    this.#tickAtMs = dueMs;
    this.#net.at(dueMs, () => {
      if (this.#tickAtMs !== dueMs || this.status !== 'running') return;
      this.#tickAtMs = Number.POSITIVE_INFINITY;
      this.step({ type: 'tick', lateMs: 0 });
    });
  }
}
