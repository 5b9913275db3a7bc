import { limits } from '../limits.js';

/** Everything about links that can be tuned. */
export interface LinksConfig {
  /** Up to so many links the mesh is full: every node has one to every other. With more members it is sparse. */
  readonly meshLinksMax: number;
  /**
   * Links that a node of a sparse mesh keeps at least, to members drawn at random. A random graph of n nodes hangs together from some
   * log n links each; 16 leave room for losing half of them at n = 10,000.
   */
  readonly gossipLinks: number;
  /** Above this, links that nothing was sent over lately are closed. Twice `gossipLinks`, as every link counts for both its ends. */
  readonly gossipLinksMax: number;
  /** Links above that which work is sent over; the least recently used goes first. */
  readonly demandLinksMax: number;
  /** How long a link counts as used after the last work on it. */
  readonly demandIdleMs: number;
  /** A link is not closed as a spare one before this: its peer may just have joined by it. */
  readonly spareAgeMs: number;
  /** The same where a newcomer finds no room: a seed at which thousands join at once passes them on at this pace. */
  readonly crowdedAgeMs: number;
  /** A link that was dialled to see whether a member answers is closed after this, when nothing else needs it. */
  readonly probeLinkMs: number;
  /** Of such links one in so many stays instead, in place of another: so the sparse mesh is drawn anew, slowly, for ever. */
  readonly probeLinksPerStay: number;
  /** Links over this are refused, whoever dials. Some more than the mesh: both of a pair's links count until one is settled. */
  readonly linksMax: number;
  /** Dials under way at once: each costs a socket and a handshake. */
  readonly dialsMax: number;
  /** Of a pair, the node with the lower id dials at once and the other after this: time for one dial and one handshake. */
  readonly dialTurnMs: number;
  /** A losing link of a pair is closed this long after the winner is up, so that what is on its way on it arrives. */
  readonly duplicateLingerMs: number;
  /** A losing link that the peer dialled and doesn't close is closed after this: long after both ends agree which one counts. */
  readonly forgottenLingerMs: number;
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
  meshLinksMax: limits.meshLinksMax,
  gossipLinks: 16,
  gossipLinksMax: 32,
  demandLinksMax: 64,
  demandIdleMs: 30_000,
  spareAgeMs: 5_000,
  crowdedAgeMs: 500,
  probeLinkMs: 1_000,
  probeLinksPerStay: 16,
  linksMax: 192,
  dialsMax: 32,
  dialTurnMs: 250,
  duplicateLingerMs: 1_000,
  forgottenLingerMs: 10_000,
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
