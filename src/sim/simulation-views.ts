import { isPresent, type MemberRecord } from '../core/member.js';
import type { FleetNode } from './fleet/fleet-node.js';

/** What was done to a node. healthy: nothing; slow: it blocks its loop again and again; mute: it hears and isn't heard. */
export type Fate = 'healthy' | 'slow' | 'mute' | 'killed' | 'hung';

/** How a node's end became known. Times are simulated milliseconds. */
export interface Death {
  readonly node: number;
  readonly atMs: number;
  firstSuspectMs: number | null;
  firstDeadMs: number | null;
  /** When each node that still takes it for dead began to. */
  readonly knownAtMs: Map<number, number>;
}

/** A node that was there was declared dead. */
export interface FalseDeath {
  readonly node: number;
  readonly by: number;
  readonly atMs: number;
  readonly fate: Fate;
}

/** How a change of one node's facts became known. */
export interface Rumour {
  readonly node: number;
  readonly atMs: number;
  /** So many nodes were there, and can come to know: those with the lowest indexes. */
  readonly of: number;
  readonly knownAtMs: Map<number, number>;
}

/** False deaths told one by one; all are counted. */
const falseDeathsMax = 1_000;

/** What all nodes think of all others, followed change by change, beside the truth. */
export class SimulationViews {
  readonly fates: Fate[] = [];
  readonly deaths = new Map<number, Death>();
  readonly falseDeaths: FalseDeath[] = [];
  readonly falselyDead = { healthy: new Set<number>(), slow: new Set<number>(), mute: new Set<number>() };
  falseDeathCount = 0;
  /** Suspicions of nodes that were there. */
  falseSuspicionCount = 0;
  /** Changes of state at all nodes, by what was done to the member. */
  readonly stateChanges: Record<Fate, number> = { healthy: 0, slow: 0, mute: 0, killed: 0, hung: 0 };
  rumour: Rumour | null = null;
  /** When some node last began or ceased to take another one for present. */
  changedAtMs = 0;
  /** Deaths mean nothing while nodes can't hear each other for a cut between them. */
  isCut = false;
  readonly #indexes = new Map<string, number>();
  /** How many others each node takes for present. */
  readonly #presentAt: number[] = [];
  #presentPairs = 0;

  constructor(private readonly nowMs: () => number) {}

  add(node: FleetNode): void {
    this.#indexes.set(node.id, node.index);
    this.fates[node.index] = 'healthy';
    this.#presentAt[node.index] = 0;
  }

  /** All nodes' lists taken together. */
  get presentPairs(): number {
    return this.#presentPairs;
  }

  /** What it thinks counts no more. */
  forgetSeer(index: number): void {
    this.#presentPairs -= this.#presentAt[index] as number;
    this.#presentAt[index] = 0;
  }

  expectDeath(node: number, fate: 'killed' | 'hung'): void {
    this.fates[node] = fate;
    const atMs = this.nowMs();
    this.deaths.set(node, { node, atMs, firstSuspectMs: null, firstDeadMs: null, knownAtMs: new Map() });
  }

  readonly watch = (seer: FleetNode, member: MemberRecord, previous: MemberRecord | null): void => {
    if (!seer.isUp) return;
    const index = this.#indexes.get(member.id) as number;
    if (index !== seer.index) {
      const isNow = isPresent(member);
      const wasBefore = previous !== null && isPresent(previous);
      if (isNow !== wasBefore) this.#count(seer.index, isNow ? 1 : -1);
      if (previous !== null && previous.state !== member.state) this.#stateChanged(seer.index, index, member);
    }
    if (this.rumour !== null && this.rumour.node === index && member.draining) this.#rumourHeard(seer.index);
  };

  /** Nodes that joined since have it told with all the rest. */
  #rumourHeard(seer: number): void {
    const { knownAtMs, of } = this.rumour as Rumour;
    if (seer < of && !knownAtMs.has(seer)) knownAtMs.set(seer, this.nowMs());
  }

  #count(seer: number, change: number): void {
    this.#presentAt[seer] = (this.#presentAt[seer] as number) + change;
    this.#presentPairs += change;
    this.changedAtMs = this.nowMs();
  }

  #stateChanged(seer: number, member: number, { state }: MemberRecord): void {
    const fate = this.fates[member] as Fate;
    this.stateChanges[fate]++;
    const death = this.deaths.get(member);
    if (death !== undefined) this.#deathHeard(death, seer, state);
    else if (fate === 'healthy' || fate === 'slow' || fate === 'mute')
      this.#wronged(seer, member, fate, state);
  }

  #deathHeard(death: Death, seer: number, state: MemberRecord['state']): void {
    const nowMs = this.nowMs();
    // A hung or mute node's own opinions aren't anybody's knowledge.
    if (this.fates[seer] === 'hung') return;
    if (state === 'suspect') death.firstSuspectMs ??= nowMs;
    if (state === 'dead') {
      death.firstSuspectMs ??= nowMs;
      death.firstDeadMs ??= nowMs;
      death.knownAtMs.set(seer, nowMs);
    } else {
      death.knownAtMs.delete(seer);
    }
  }

  #wronged(
    seer: number,
    node: number,
    fate: 'healthy' | 'slow' | 'mute',
    state: MemberRecord['state'],
  ): void {
    // A cut makes both sides right; and what a node that can't be heard thinks of others harms nobody but itself.
    if (this.isCut || this.fates[seer] === 'mute') return;
    if (state === 'suspect') this.falseSuspicionCount++;
    if (state !== 'dead') return;
    this.falseDeathCount++;
    this.falselyDead[fate].add(node);
    if (this.falseDeaths.length < falseDeathsMax)
      this.falseDeaths.push({ node, by: seer, atMs: this.nowMs(), fate });
  }
}
