import { setTimeout as delay } from 'node:timers/promises';
import { RondoError } from '../core/errors.js';
import type { Connection } from './connection.js';
import type { LearnedNode } from './learned-nodes.js';

export interface NodeSearchOptions {
  /** Addresses that the user gave, in the order in which they are tried. */
  readonly nodes: readonly string[];
  readonly connectTimeoutMs: number;
  /** For all of it: the list again and again, with pauses. The first search goes through the list once. */
  readonly searchMs: number;
  /** Rejects with `UNREACHABLE` for a node that is of no use; any other error ends the search. */
  readonly dial: (candidate: Candidate, timeoutMs: number) => Promise<Connection>;
}

export interface Candidate {
  readonly address: string;
  /** Of a node that another one told of; null for one of the list. */
  readonly learnedId: string | null;
}

/** Pauses before the list is tried again: 100, 200, 400 ... ms, so that a node that only restarts is found again. */
const searchPauseMsMin = 100;
const searchPauseMsMax = 1_000;
/** Even in a long list each node gets so long to answer. */
const dialMsMin = 250;
/** More than so many reasons is no message for people. */
const reasonsMax = 12;

/** Finds the node to talk to: round the list from where it stands, then at nodes that earlier ones told of. */
export class NodeSearch {
  /** Where in the list the next search begins. */
  private cursor = 0;
  private learned: readonly LearnedNode[] = [];

  constructor(private readonly options: NodeSearchOptions) {}

  /** Nodes to go on at when none of the list answers. */
  learn(nodes: readonly LearnedNode[]): void {
    this.learned = nodes;
  }

  /** The next search tries this node last. */
  skip(address: string): void {
    const { nodes } = this.options;
    if (nodes[this.cursor] === address) this.cursor = (this.cursor + 1) % nodes.length;
    const place = this.learned.findIndex((node) => node.address === address);
    if (place < 0) return;
    this.learned = [...this.learned.toSpliced(place, 1), ...this.learned.slice(place, place + 1)];
  }

  /** Rejects with `NO_NODE`, saying what was wrong with each. `isFirst`: nothing was lost yet, so nobody waits for a restart. */
  async find(isFirst: boolean): Promise<Connection> {
    const endsAtMs = performance.now() + this.options.searchMs;
    const faults = new Map<string, string>();
    for (let round = 0; ; round++) {
      if (round > 0) await delay(Math.min(pauseMs(round), Math.max(0, endsAtMs - performance.now())));
      const candidates = this.candidates();
      for (const [index, candidate] of candidates.entries()) {
        const leftMs = endsAtMs - performance.now();
        if (leftMs <= 0 && index > 0) break;
        const share = Math.max(dialMsMin, leftMs / (candidates.length - index));
        const connection = await this.tryOne(
          candidate,
          Math.min(this.options.connectTimeoutMs, share),
          faults,
        );
        if (connection !== null) return connection;
      }
      if (isFirst || performance.now() >= endsAtMs) throw this.noNode(faults);
    }
  }

  private async tryOne(
    candidate: Candidate,
    timeoutMs: number,
    faults: Map<string, string>,
  ): Promise<Connection | null> {
    try {
      return await this.options.dial(candidate, Math.round(timeoutMs));
    } catch (error) {
      const { address, learnedId } = candidate;
      // A node that was only heard of may have a token of its own; UNAVAILABLE is this client, once it is closed.
      const code = error instanceof RondoError ? error.code : 'UNAVAILABLE';
      const isUseless = code === 'UNREACHABLE' || (learnedId !== null && code !== 'UNAVAILABLE');
      if (!isUseless) throw error;
      faults.set(address, (error as RondoError).message);
      this.skip(address);
      return null;
    }
  }

  private noNode(faults: ReadonlyMap<string, string>): RondoError {
    const addresses = [...this.options.nodes, ...this.learned.map(({ address }) => address)];
    const reasons = addresses
      .slice(0, reasonsMax)
      .map((address) => `${address} (${faults.get(address) ?? 'not tried: the time was over'})`);
    const more = addresses.length > reasonsMax ? ` and ${addresses.length - reasonsMax} more` : '';
    return new RondoError('NO_NODE', `no node answers at ${reasons.join(', ')}${more}`);
  }

  private candidates(): Candidate[] {
    const { nodes } = this.options;
    const listed = [...nodes.slice(this.cursor), ...nodes.slice(0, this.cursor)];
    return [
      ...listed.map((address) => ({ address, learnedId: null })),
      ...this.learned.map(({ address, id }) => ({ address, learnedId: id })),
    ];
  }
}

/** Jittered, so that the clients of a node that restarts don't come back all at once. */
function pauseMs(round: number): number {
  return Math.min(searchPauseMsMin * 2 ** (round - 1), searchPauseMsMax) * (0.75 + Math.random() / 2);
}
