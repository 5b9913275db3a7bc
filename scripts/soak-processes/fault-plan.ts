import type { Random } from '../../src/core/random.js';

/** What is done to the nodes of a soak. */
export const faultKinds = ['kill', 'kill-all', 'stop', 'partition', 'disk', 'rolling'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** These need mounts or networks of their own, and so namespaces. */
export const kindsInNamespaces: readonly FaultKind[] = ['partition', 'disk'];

/** One fault, drawn. Nodes are told by their places. */
export type PlannedFault =
  | { readonly kind: 'kill'; readonly node: number; readonly downMs: number }
  | { readonly kind: 'kill-all'; readonly downMs: number }
  | { readonly kind: 'stop'; readonly node: number; readonly forMs: number }
  | { readonly kind: 'partition'; readonly apart: readonly number[]; readonly forMs: number }
  | { readonly kind: 'disk'; readonly forMs: number }
  | { readonly kind: 'rolling'; readonly order: readonly number[] };

export interface FaultPlanOptions {
  readonly kinds: readonly FaultKind[];
  readonly nodes: number;
  /** The nodes that are killed or stopped alone; all when not said. */
  readonly victims?: readonly number[];
  /** Each lasts no longer than it must to be one: for a test that has half a minute. */
  readonly isBrief?: boolean;
}

/** A second is no death, five are one, and after twelve its jobs have long gone elsewhere. */
const stopsMs = [1_000, 5_000, 12_000];
/** Long enough for a death. */
const briefStopMs = 5_000;
const briefMs = 1_000;
/** A cut is noticed after some 4 s. */
const cutsMs = [6_000, 8_000, 12_000];
const briefCutMs = 6_000;

/**
 * Faults without end, in rounds: each kind comes once a round, in an order that is drawn, so that a short run has all of them. The
 * same generator gives the same faults.
 */
export function* planFaults(random: Random, options: FaultPlanOptions): Generator<PlannedFault, never> {
  if (options.kinds.length === 0) throw new Error('there is no fault to plan');
  for (;;) for (const kind of shuffled(options.kinds, random)) yield drawFault(kind, random, options);
}

function drawFault(kind: FaultKind, random: Random, options: FaultPlanOptions): PlannedFault {
  const places = Array.from({ length: options.nodes }, (_, place) => place);
  const victim = (): number => oneOf(options.victims ?? places, random);
  const isBrief = options.isBrief === true;
  switch (kind) {
    case 'kill':
      return { kind, node: victim(), downMs: isBrief ? briefMs : 500 + random.below(3_000) };
    case 'kill-all':
      return { kind, downMs: isBrief ? briefMs : 200 + random.below(2_000) };
    case 'stop':
      return { kind, node: victim(), forMs: isBrief ? briefStopMs : oneOf(stopsMs, random) };
    case 'partition': {
      const apartCount = random.below(2) === 0 ? 1 : Math.floor(options.nodes / 2);
      const apart = shuffled(places, random).slice(0, apartCount);
      return { kind, apart, forMs: isBrief ? briefCutMs : oneOf(cutsMs, random) };
    }
    case 'disk':
      return { kind, forMs: isBrief ? briefMs : 2_000 + random.below(3_000) };
    case 'rolling':
      return { kind, order: shuffled(places, random) };
  }
}

/** The fault in words, for who reads along. */
export function describeFault(fault: PlannedFault, nameOf: (place: number) => string): string {
  switch (fault.kind) {
    case 'kill':
      return `kill -9 of ${nameOf(fault.node)}, back after ${fault.downMs} ms`;
    case 'kill-all':
      return `kill -9 of all, back after ${fault.downMs} ms`;
    case 'stop':
      return `SIGSTOP of ${nameOf(fault.node)} for ${fault.forMs} ms`;
    case 'partition':
      return `${fault.apart.map(nameOf).join(' and ')} cut off from the others for ${fault.forMs} ms`;
    case 'disk':
      return `full disk for ${fault.forMs} ms`;
    case 'rolling':
      return `rolling restart, ${fault.order.map(nameOf).join(', ')}`;
  }
}

function oneOf<Item>(items: readonly Item[], random: Random): Item {
  return items[random.below(items.length)] as Item;
}

/** Fisher and Yates. */
function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  const drawn: Item[] = [];
  while (left.length > 0) drawn.push(...left.splice(random.below(left.length), 1));
  return drawn;
}
