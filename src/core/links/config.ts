/** Everything about links that can be tuned. */
export interface LinksConfig {
  /** Up to this many links this node dials members by itself; up to here the mesh is full. */
  readonly meshLinksMax: number;
  /** Links over this are refused, whoever dials. Some more than the mesh: both of a pair's links count until one is settled. */
  readonly linksMax: number;
  /** Dials under way at once: each costs a socket and a handshake. */
  readonly dialsMax: number;
  /** Of a pair, the node with the lower id dials at once and the other after this: time for one dial and one handshake. */
  readonly dialTurnMs: number;
  /** A losing link of a pair is closed this long after the winner is up, so that what is on its way on it arrives. */
  readonly duplicateLingerMs: number;
  /** Links of one pair, those included that are about to be closed; one more costs the oldest that isn't sent on. */
  readonly pairLinksMax: number;
  /** A peer that closed a link as a duplicate has this long to show the other one; then the contact counts as lost. */
  readonly settleMs: number;
  /** A dial that broke right after a reset is tried again after this: a dying process may still accept. */
  readonly resetRedialMs: number;
  /** How often that is done before it waits like any other dial. */
  readonly resetRedialsMax: number;
  /** First and longest wait between dials of a member. Each wait is drawn from the upper half of `min × 2^failures`. */
  readonly redialMinMs: number;
  readonly redialMaxMs: number;
  /** Wait between dials of a dead member, or one that turned this node away. */
  readonly deadRedialMs: number;
  /** A dead or left member's link is closed after this: until then it may wake up and refute. */
  readonly deadLinkMs: number;
  /**
   * First and longest wait between dials of a seed while this node knows nobody. The longest is how much later a seed that starts last
   * is found; a refused dial costs next to nothing.
   */
  readonly seedRedialMinMs: number;
  readonly seedRedialMaxMs: number;
  /** Wait between dials of a seed that answers but doesn't let this node in, or that never answered while others did. */
  readonly seedSlowRedialMs: number;
  /** The same trouble with a seed is logged once in this time. */
  readonly seedLogIntervalMs: number;
  /** A node that is told so long after its first contact that its id is in use is the one that came second, and ends. */
  readonly joinMs: number;
}

export const defaultLinksConfig: LinksConfig = {
  meshLinksMax: 128,
  linksMax: 192,
  dialsMax: 32,
  dialTurnMs: 250,
  duplicateLingerMs: 1_000,
  pairLinksMax: 4,
  settleMs: 1_000,
  resetRedialMs: 30,
  resetRedialsMax: 5,
  redialMinMs: 250,
  redialMaxMs: 30_000,
  deadRedialMs: 30_000,
  deadLinkMs: 30_000,
  seedRedialMinMs: 100,
  seedRedialMaxMs: 800,
  seedSlowRedialMs: 30_000,
  seedLogIntervalMs: 60_000,
  joinMs: 10_000,
};
