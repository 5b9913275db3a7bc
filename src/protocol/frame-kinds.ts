/**
 * The number that begins each frame. Kinds are only ever added; a node ignores those that it doesn't know.
 * 0 to 15: the link itself; 16 to 31: membership; 32 and up: jobs.
 */
export const frameKinds = {
  hello: 0,
  goodbye: 1,
  chunk: 2,
  taken: 3,
  ping: 16,
  ack: 17,
  nack: 18,
  probe_request: 19,
  gossip: 20,
  digest: 21,
  sync: 22,
  run: 32,
  ran: 33,
  ran_ack: 34,
  refuse: 35,
  stop: 36,
  holding: 37,
  grant: 38,
  progress: 39,
  ask: 40,
  answer: 41,
  ask_abandoned: 42,
  resync: 43,
  resync_wanted: 44,
  asks_taken: 45,
  answers_taken: 46,
  asking: 47,
  asks_unknown: 48,
} as const;
