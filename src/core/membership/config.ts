import { limits } from '../limits.js';

/** Everything about membership that can be tuned. n is the number of members that are alive or suspect, this node included. */
export interface MembershipConfig {
  /**
   * Time between two probes of this node. Each member is probed by somebody about once in this time, whatever n is.
   * Lower finds a stopped node sooner and costs 2/interval small messages a second; keep it at twice `probeTimeoutMs` or more.
   */
  readonly probeIntervalMs: number;
  /** Time for a direct ack; after it others are asked. Choose the slowest usual round trip plus the usual stall of an event loop. */
  readonly probeTimeoutMs: number;
  /** Members asked to probe for this one. 3 leaves 0.1 % of false suspicions where every tenth path is broken. */
  readonly indirectProbes: number;
  /** About so many members that hear of a suspicion probe the suspect next, out of turn, so that it is confirmed or refuted soon. */
  readonly confirmingProbes: number;
  /** Members, this node aside, from which on the mesh is sparse: not everybody has a link to everybody. As `meshLinksMax` of the links. */
  readonly meshLinksMax: number;
  /**
   * In a sparse mesh one probe in so many goes to a member without a link, and costs both a dial. The others go to those with one: all
   * members are near somebody. At 128 a dial a minute adds a seventh to the bytes of an idle node.
   */
  readonly turnsPerFar: number;
  /**
   * A suspicion that enough members confirm lasts `multiplier × max(4/3, log10 n) × probeIntervalMs`: 2 s at n <= 21, 3 s at 100, 4.5 s
   * at 1,000. Choose the longest stall of an event loop that must cost no node its jobs: it begins after a failed probe.
   */
  readonly suspicionMultiplier: number;
  /** So many others must confirm a suspicion for that, or all others if they are fewer; each who does shortens it. */
  readonly suspicionConfirmations: number;
  /** A suspicion that nobody confirms lasts this many times longer: a lone accuser is more likely at fault itself. */
  readonly suspicionMaxFactor: number;
  /**
   * A member whose link broke is dead after this, unless it refutes. Choose the time for one dial, one handshake and one round trip
   * on a loaded machine: after a reset of the link alone, that is what a refutation takes.
   */
  readonly resetSuspicionMs: number;
  /**
   * A member whose link broke, and at whose address nobody listens, is dead after this. The process is gone, or a firewall answers
   * for it: leave time for the suspicion to reach it through others and for its refutation to come back, some 10 round trips.
   */
  readonly refusedSuspicionMs: number;
  /**
   * A member without a link that is said to be dead, and was not known to be suspect, is dead after this × max(1, log10 n), unless
   * it refutes: 0.5 s at n <= 10, 1.5 s at 1,000. Choose the time for a rumour to reach it and for its refutation to come back.
   */
  readonly hearsayDeathMs: number;
  /** Members that a round of gossip goes to. A rumour reaches all in about log(n) / log(fanout + 1) rounds. */
  readonly gossipFanout: number;
  /** Time between rounds of gossip while rumours are left to tell. Nothing is sent when there are none. */
  readonly gossipIntervalMs: number;
  /** A fresh rumour starts a round at once, but not sooner than this after the last: many changes share one message. */
  readonly gossipGapMs: number;
  /** A rumour is told `multiplier × ⌈log10(n + 1)⌉` times by each node that learns it: 4 at n < 10, 16 at n = 1,000. */
  readonly retransmitMultiplier: number;
  /** Longest time between two comparisons with a random member. It bounds how long two views can differ after rumours were lost. */
  readonly digestIntervalMs: number;
  /**
   * The first comparison comes so soon after a start, each next one after twice the time. Of nodes that join at once, two may have missed
   * what was said of each other.
   */
  readonly joinDigestMs: number;
  /**
   * At most one comparison or full sync with a member in this time, whatever it asks for: news since the last one is gossiped
   * anyway. Up to 32 times longer while nothing comes of it.
   */
  readonly syncGapMs: number;
  /** A node that knows no more members than this hands them all over at a first contact and asks for all in return. */
  readonly handOverMembersMax: number;
  /** A new member is not probed before this, unless a link to it is up: the dial is still under way. */
  readonly contactGraceMs: number;
  /** A dead member hears gossip for this long, over a link that is still open: if it only slept, it learns that it must refute. */
  readonly deadGossipMs: number;
  /** A dead or left member is remembered for this long, so that no late rumour brings it back. Longer than any partition to survive. */
  readonly forgetMs: number;
  /** Worst score of local health; probe interval and time-out are multiplied by score + 1. 0 switches it off. */
  readonly healthScoreMax: number;
  /** What the node's own late ticks have added to the score is halved in this time without any. */
  readonly healthCalmMs: number;
  /** Members remembered, dead and left ones included. The oldest dead one makes room; then newcomers are turned away. */
  readonly membersMax: number;
  /** Rumours waiting to be told. Over it, the most told one goes first. */
  readonly rumoursMax: number;
  /** Probes under way for others; over it, a request is answered with a nack at once. */
  readonly relaysMax: number;
}

export const defaultMembershipConfig: MembershipConfig = {
  probeIntervalMs: 500,
  probeTimeoutMs: 250,
  indirectProbes: 3,
  confirmingProbes: 8,
  meshLinksMax: limits.meshLinksMax,
  turnsPerFar: 128,
  suspicionMultiplier: 3,
  suspicionConfirmations: 2,
  suspicionMaxFactor: 6,
  resetSuspicionMs: 500,
  refusedSuspicionMs: 150,
  hearsayDeathMs: 500,
  gossipFanout: 3,
  gossipIntervalMs: 200,
  gossipGapMs: 20,
  retransmitMultiplier: 4,
  digestIntervalMs: 5_000,
  joinDigestMs: 400,
  syncGapMs: 1_000,
  handOverMembersMax: 32,
  contactGraceMs: 2_000,
  deadGossipMs: 30_000,
  forgetMs: 24 * 3_600_000,
  healthScoreMax: 8,
  healthCalmMs: 5_000,
  membersMax: limits.membersMax,
  rumoursMax: 4_096,
  relaysMax: 256,
};
