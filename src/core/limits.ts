/**
 * Every limit that both ends of a protocol must agree on, or that more than one layer needs. Each is named here
 * once; those that an operator may change are defaults of the configuration.
 */
export const limits = {
  /** A line of the line protocol, its LF not counted. */
  lineBytesMax: 64 * 1024,
  /** A body after a line, arguments or result. */
  bodyBytesMax: 16 * 1024 * 1024,
  /** Requests of one client connection that are not answered yet; at the limit the node stops reading from it. */
  requestsInFlightMax: 10_000,
  clientConnectionsMax: 10_000,
  /** A frame between peers, its length prefix not counted. */
  frameBytesMax: 1024 * 1024,
  /** A piece of a message that is larger than this travels as chunks of this size, control frames between them. */
  chunkBytesMax: 64 * 1024,
  /** What is read from a peer before its hello has been accepted. */
  helloBytesMax: 4 * 1024,
  helloTimeoutMs: 5_000,
  /** Bytes that wait for one peer: over the high mark new work is held back, over the maximum the link is dropped. */
  linkQueueBytesHigh: 4 * 1024 * 1024,
  linkQueueBytesLow: 1024 * 1024,
  linkQueueBytesMax: 64 * 1024 * 1024,
  membersMax: 16_384,
  rumoursPerMessageMax: 64,
  tagsPerNodeMax: 32,
  tasksPerNodeMax: 1_024,
  attemptsPerGrantMax: 4_096,
  /** 10 years: longer is a mistake. */
  durationMsMax: 10 * 365 * 24 * 3_600_000,
  retriesMax: 1_000,
  priorityMax: 1_000_000,
  keyLengthMax: 256,
  /** Nodes that keep one job's record. */
  copiesMax: 16,
  jobsListedMax: 1_000,
  /** A handler's error message is cut at this many characters. */
  errorMessageLengthMax: 2_000,
  /** `ctx.progress` values, JSON text. */
  progressLengthMax: 16 * 1024,
} as const;
