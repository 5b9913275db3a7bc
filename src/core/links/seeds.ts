import { backoffMs } from '../backoff.js';
import type { LogEffect } from '../effects.js';
import type { Random } from '../random.js';
import type { LinksConfig } from './config.js';
import { type DialTrouble, dialAdvice, mayPassSoon } from './dial-advice.js';

interface Seed {
  readonly address: string;
  /** Nobody has asked for it: it is where another node was before this one's restart. */
  readonly isKnownPeer: boolean;
  answered: boolean;
  failures: number;
  dueMs: number;
  loggedReason: string | null;
  loggedAtMs: number;
}

/** With the pauses between them, some ten seconds. */
const proxyTriesMax = 16;
/** A node that was restarted together with this one is there again by then. */
const knownPeerTriesMax = 16;
/** The others are left to seeds and members. */
const knownPeersAtOnceMax = 8;

/** The addresses given to join by: when each is dialled, and what is said about those that don't answer. */
export class Seeds {
  readonly #config: LinksConfig;
  readonly #random: Random;
  readonly #seeds = new Map<string, Seed>();
  #hasToldAlone = false;

  constructor(
    { seeds, knownPeers }: { readonly seeds: readonly string[]; readonly knownPeers: readonly string[] },
    config: LinksConfig,
    random: Random,
  ) {
    this.#config = config;
    this.#random = random;
    for (const address of seeds) this.#add(address, false);
    for (const address of knownPeers) if (!this.#seeds.has(address)) this.#add(address, true);
  }

  #add(address: string, isKnownPeer: boolean): void {
    const fresh = { answered: false, failures: 0, dueMs: 0, loggedReason: null, loggedAtMs: 0 };
    this.#seeds.set(address, { address, isKnownPeer, ...fresh });
  }

  get nextDeadlineMs(): number {
    let deadlineMs = Number.POSITIVE_INFINITY;
    const isFull = this.#knownPeersUnderWay() >= knownPeersAtOnceMax;
    for (const { isKnownPeer, dueMs } of this.#seeds.values())
      if (!isKnownPeer || !isFull) deadlineMs = Math.min(deadlineMs, dueMs);
    return deadlineMs;
  }

  due(nowMs: number): string[] {
    let room = knownPeersAtOnceMax - this.#knownPeersUnderWay();
    const isDue = ({ dueMs, isKnownPeer }: Seed): boolean => dueMs <= nowMs && (!isKnownPeer || room-- > 0);
    return [...this.#seeds.values()].filter(isDue).map((seed) => seed.address);
  }

  #knownPeersUnderWay(): number {
    let count = 0;
    for (const { isKnownPeer, answered, dueMs } of this.#seeds.values())
      if (isKnownPeer && !answered && dueMs === Number.POSITIVE_INFINITY) count++;
    return count;
  }

  /** Membership finds the others, once one of them is found. */
  letGoOfKnownPeers(isDialling: (address: string) => boolean): void {
    for (const { isKnownPeer, address } of this.#seeds.values())
      if (isKnownPeer && !isDialling(address)) this.#seeds.delete(address);
  }

  /** A dial of it is under way; how it ends sets the next one. */
  dialled(address: string): void {
    const seed = this.#seeds.get(address);
    if (seed !== undefined) seed.dueMs = Number.POSITIVE_INFINITY;
  }

  /** It did its work: it is not dialled again while this node knows anybody. */
  answered(address: string): void {
    const seed = this.#seeds.get(address);
    if (seed === undefined) return;
    seed.answered = true;
    seed.failures = 0;
    seed.dueMs = Number.POSITIVE_INFINITY;
    seed.loggedReason = null;
  }

  /** It is this node itself. */
  drop(address: string): void {
    this.#seeds.delete(address);
  }

  /** Nobody is known any more: all seeds are tried again, those under way excepted. */
  wake(nowMs: number, isDialling: (address: string) => boolean): void {
    for (const seed of this.#seeds.values()) {
      if (seed.dueMs === Number.POSITIVE_INFINITY && !isDialling(seed.address)) {
        seed.dueMs = nowMs + backoffMs(1, this.#fast(), this.#random);
      }
    }
  }

  /** Sets the next dial; returns what to log: the first time for each kind of trouble, and then rarely. */
  failed(address: string, trouble: DialTrouble, at: { nowMs: number; joined: boolean }): LogEffect | null {
    const seed = this.#seeds.get(address);
    if (seed === undefined) return null;
    seed.failures++;
    // Who is somebody else's now is none of this node's.
    if (seed.isKnownPeer && (at.joined || trouble.goodbye === 'wrong_cluster')) {
      this.#seeds.delete(address);
      return null;
    }
    // A proxy in front of a node that is not up yet ends what it has taken without a word, as a node does that wants a key.
    const mayBeProxy = trouble.reason === 'wrong_key' && seed.failures <= proxyTriesMax;
    const mayPass = mayPassSoon(trouble) || mayBeProxy;
    const isFast = mayPass && !at.joined && (!seed.isKnownPeer || seed.failures <= knownPeerTriesMax);
    seed.dueMs = at.nowMs + backoffMs(seed.failures, isFast ? this.#fast() : this.#slow(), this.#random);
    // Nobody has asked for it, and it may be gone for good.
    if (seed.isKnownPeer && mayPass) return seed.failures === knownPeerTriesMax ? this.#tellAlone() : null;
    const kind = trouble.goodbye ?? trouble.reason;
    const isRepeated = seed.loggedReason === kind;
    if (isRepeated && at.nowMs < seed.loggedAtMs + this.#config.seedLogIntervalMs) return null;
    seed.loggedReason = kind;
    seed.loggedAtMs = at.nowMs;
    const fields = { seed: address, reason: kind, detail: trouble.detail, failures: seed.failures };
    return { type: 'log', level: 'warn', text: dialAdvice(address, trouble), fields };
  }

  /** Once: after a restart that leaves a node alone. */
  #tellAlone(): LogEffect | null {
    if (this.#hasToldAlone) return null;
    this.#hasToldAlone = true;
    const text =
      'none of the nodes that this one knew answers: it goes on alone, and tries them twice a minute; if others live elsewhere, give --join';
    const peers = [...this.#seeds.values()].flatMap((seed) => (seed.isKnownPeer ? seed.address : []));
    return { type: 'log', level: 'warn', text, fields: { peers } };
  }

  #slow(): { minMs: number; maxMs: number } {
    return { minMs: this.#config.seedSlowRedialMs, maxMs: this.#config.seedSlowRedialMs };
  }

  #fast(): { minMs: number; maxMs: number } {
    return { minMs: this.#config.seedRedialMinMs, maxMs: this.#config.seedRedialMaxMs };
  }
}
