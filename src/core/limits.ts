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
  /** Replies that wait for one client: a result of `bodyBytesMax` takes three times as much at most. */
  replyBytesMax: 64 * 1024 * 1024,
  /** Replies that wait for the clients of one node. */
  replyBytesTotalMax: 256 * 1024 * 1024,
  /** Lines and bodies that clients of one node have begun, each body as long as it was announced. */
  receivingBytesMax: 256 * 1024 * 1024,
  /** Items on their way to one client that it has not taken, of one request of it. */
  itemWindowBytes: 1024 * 1024,
  /** What an owner keeps of one stream for who comes late, and of all; and the least that one of many has on its way. */
  streamKeptBytes: 256 * 1024,
  streamsKeptBytesMax: 64 * 1024 * 1024,
  streamWindowBytesMin: 16 * 1024,
  /** Of all streams, with what somebody is still to be told: past it that is let go too, and those who follow are told `missed`. */
  streamsNeededBytesMax: 256 * 1024 * 1024,
  /** What may come of one stream beyond its room before it is let go: of an older node, all lines of a program that it has read at once. */
  streamExcessBytesMax: 8 * 1024 * 1024,
  /** Of each further one, when more than `widestStreamsMax` of its requests stream at once. */
  narrowItemWindowBytes: 4 * 1024,
  widestStreamsMax: 16,
  /** Messages of topics that wait for one client: past it, its subscription ends. */
  subscriberBytesMax: 4 * 1024 * 1024,
  /** The name of a topic, or a pattern of such names. */
  topicLengthMax: 256,
  topicLevelsMax: 16,
  /** Topics in one SUBSCRIBE or SUBSCRIBERS, and subscriptions of one node, each topic of a request counted. */
  topicsPerRequestMax: 1_000,
  subscriptionsMax: 100_000,
  /** Patterns of one node that differ from each other: a topic may have to be compared with all. */
  patternsMax: 10_000,
  /** Messages of a topic that a node keeps for subscribers to come, and what they take of all topics together. */
  replayMax: 100,
  replayBytesMax: 16 * 1024 * 1024,
  /** What is published: well under `subscriberBytesMax` in any encoding, or a single message would end every subscription. */
  topicMessageBytesMax: 1024 * 1024,
  /** Messages on their way to one node that it has not answered: past it, nothing that it wants is taken. */
  unansweredBytesMax: 4 * 1024 * 1024,
  /** A node that has answered none of so much for so long is passed over until it answers. */
  unansweredMs: 10_000,
  /** Messages for a node without a link, and how long they wait for one. */
  unlinkedBytesMax: 1024 * 1024,
  unlinkedMs: 1_000,
  /** How long other nodes are waited for, with PUBLISH, SUBSCRIBERS and SUBSCRIBE with replay=. */
  topicAnswerMs: 1_000,
  /** SUBSCRIBERS under way: their topics, and some bytes for each of them. */
  countingBytesMax: 4 * 1024 * 1024,
  /** Patterns that a node tells others one by one; with more it is sent everything. And the filter of its topics. */
  interestPatternsMax: 16,
  interestFilterBytesMax: 4 * 1024,
  /** Versions of it in one process: at 4 a second, more than it can come to. */
  interestVersionMax: 2 ** 48,
  /** What one replay gives; what is held back for it meanwhile; replays at once, the others wait in line; and what all take together. */
  replayedBytesMax: 1024 * 1024,
  heldBackBytesMax: 1024 * 1024,
  replaysAtOnceMax: 64,
  replaysBytesMax: 64 * 1024 * 1024,
  /** Topics and messages that a node looks at in one tick for the sake of replays; and messages that it tells those whose replay ends. */
  replayStepsPerTickMax: 8_192,
  /** A frame between peers, its length prefix not counted. */
  frameBytesMax: 1024 * 1024,
  /** A piece of a message that is larger than this travels as chunks of this size, control frames between them. */
  chunkBytesMax: 64 * 1024,
  /** A piece of a stream of that size and what stands around it still go as one frame. */
  wholeFrameBytesMax: 65 * 1024,
  /** What is read from a peer before its hello has been accepted. */
  helloBytesMax: 4 * 1024,
  helloTimeoutMs: 5_000,
  /** Bytes that wait for one peer: over the high mark new work is held back, over the maximum the link is dropped. */
  linkQueueBytesHigh: 4 * 1024 * 1024,
  linkQueueBytesLow: 1024 * 1024,
  linkQueueBytesMax: 256 * 1024 * 1024,
  /** Asks, answers, attempts or ends on their way to one peer that it has not acknowledged; one that goes over it is sent still. */
  linkWindowBytes: 8 * 1024 * 1024,
  /** Asks of one node that are not answered, over all other nodes; and of one other node that are open here. */
  asksMax: 100_000,
  /** What is kept for them. */
  askedBytesMax: 256 * 1024 * 1024,
  /** Answers for other nodes that they have not acknowledged. */
  answersBytesMax: 256 * 1024 * 1024,
  answersBytesPerPeerMax: 128 * 1024 * 1024,
  /** Handed to a socket before it has drained: what a control frame may have to wait behind. */
  linkWriteBytesMax: 128 * 1024,
  /**
   * Bulk frames on their way to one peer that it has not taken yet, what the systems of both ends hold included: what a control
   * frame may have to wait behind. A link carries at most this in a round trip.
   */
  bulkUntakenBytesMax: 512 * 1024,
  /**
   * Large payloads that one turn of the event loop converts on one way through a node; the one that goes over it is converted
   * still. The rest waits for the next turn, and heartbeats go in between.
   */
  turnBytes: 1024 * 1024,
  /** A whole message, put together from its chunks: a body of `bodyBytesMax` counts UTF-16 units, 3 bytes each at most. */
  messageBytesMax: 3 * 16 * 1024 * 1024 + 1024 * 1024,
  /** Values in one message, arrays within arrays included. */
  messageValuesMax: 4 * 1024 * 1024,
  frameDepthMax: 16,
  /** A frame of this size has memory of its own, which is not used for the next one. */
  handedOverBytesMin: 32 * 1024,
  /** From a dial to a connection that is ready for the hello, TLS included. */
  dialTimeoutMs: 3_000,
  /**
   * A link on which nothing comes for so long is closed, once others have reached its peer in vain of it: TCP itself would wait for a
   * quarter of an hour. A path that is only slow brings something in this time, if no more than a word of what it has taken.
   */
  linkSilenceMs: 10_000,
  /** How long a link that is closed on purpose may take to send what is queued and its goodbye. */
  linkCloseTimeoutMs: 2_000,
  /** Links that are open at once; twice what a full mesh of 128 needs, for simultaneous dials, and room above. */
  peerLinksMax: 1_024,
  /** Connections accepted whose hello is not accepted yet; also dials under way. */
  peerHandshakesMax: 256,
  /** Attempts listed in one `holding`. */
  attemptsHeldMax: 65_536,
  errorNameLengthMax: 128,
  /** The text of a reply, a binary result in base64 included. */
  replyLengthMax: 2 * 16 * 1024 * 1024,
  addressLengthMax: 262,
  membersMax: 16_384,
  /** Addresses of other nodes that a node keeps over a restart: one of them that answers is enough. */
  knownPeersMax: 32,
  /** Members, one node aside, up to which every node has a link to every other. */
  meshLinksMax: 128,
  rumoursPerMessageMax: 64,
  /** Buckets that members are spread over by the hash of their id, a power of two: a list of their checksums takes 1.3 kB. */
  digestBucketsMax: 256,
  /** Whole records in one message that answers a comparison: some 40 kB, so that it needs no chunks. */
  recordsPerMessageMax: 256,
  tagsPerNodeMax: 32,
  tasksPerNodeMax: 1_024,
  attemptsPerGrantMax: 4_096,
  /** 10 years: longer is a mistake. */
  durationMsMax: 10 * 365 * 24 * 3_600_000,
  /** The ends of what a Date can hold, before 1970 and after it. */
  wallMsMax: 8_640_000_000_000_000,
  retriesMax: 1_000,
  priorityMax: 1_000_000,
  /** Of a job that a handler waits for: `priorityMax` + `membersMax` × `attemptsHeldMax`, as no more can wait for each other in a row. */
  raisedPriorityMax: 1_074_741_824,
  keyLengthMax: 256,
  /** Jobs in one message to a holder, and in one inquiry. */
  keepEntriesMax: 1_024,
  inquiryItemsMax: 256,
  /** Nodes that keep one job's record. */
  copiesMax: 16,
  /** Jobs that one job may come after. */
  afterMax: 64,
  /** A cron expression, and the name of a time zone. */
  cronLengthMax: 128,
  timeZoneLengthMax: 64,
  /** What one step of the core does for jobs that are held back: ends told to them, and schedules fired; at most some 50 ms. */
  followUpsPerStepMax: 500,
  jobsListedMax: 1_000,
  /** JOBS answers with this many unless `limit=` says otherwise. */
  jobsListedDefault: 100,
  /** Characters of a list of jobs; the job that goes over it is in it still. */
  jobListLengthMax: 1024 * 1024,
  /** A handler's error message is cut at this many characters. */
  errorMessageLengthMax: 2_000,
  /** `ctx.progress` values, JSON text. */
  progressLengthMax: 16 * 1024,
  /** Arrays and objects within each other in them: what readers in any language can follow without a thought for their stack. */
  progressDepthMax: 64,
} as const;
