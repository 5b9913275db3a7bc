/** What a node counts, as it stands at one moment; totals only rise while the process lives. */
export interface NodeMetrics {
  /** Members of the cluster as this node knows them, itself included. */
  readonly members: Readonly<Record<'alive' | 'suspect' | 'dead' | 'left', number>>;
  readonly links: number;
  /** Jobs that this node owns. */
  readonly jobs: Readonly<Record<'delayed' | 'queued' | 'running' | 'done' | 'failed' | 'cancelled', number>>;
  readonly queueLength: number;
  readonly queueBytes: number;
  /** Jobs that this node holds for other owners. */
  readonly copies: Readonly<Record<'unfinished' | 'finished', number>>;
  readonly copyBytes: number;
  /** 1 for the state that the journal is in, 0 for the other; both are 0 on a node that keeps none. */
  readonly journal: Readonly<Record<'open' | 'failed', number>>;
  /** Attempts on this node's own threads. */
  readonly attemptsRunning: number;
  readonly attemptsQueued: number;
  readonly jobsSubmittedTotal: number;
  readonly jobsDoneTotal: number;
  readonly jobsFailedTotal: number;
  readonly jobsCancelledTotal: number;
  readonly attemptsRetriedTotal: number;
  readonly threads: number;
  /** Threads that were ended, or ended by themselves, under their work. */
  readonly threadsEndedTotal: number;
  readonly subscriptions: number;
  readonly messagesPublishedTotal: number;
  readonly messagesDeliveredTotal: number;
  readonly messagesDroppedTotal: number;
  readonly clientConnections: number;
  readonly clientRequestsTotal: number;
  readonly clientErrorsTotal: number;
  /** Replies that wait for their clients; lines and bodies that have begun and not ended. */
  readonly clientReplyBytes: number;
  readonly clientReceivingBytes: number;
  readonly peerBytesInTotal: number;
  readonly peerBytesOutTotal: number;
  readonly peerMessagesInTotal: number;
  readonly peerMessagesOutTotal: number;
  readonly peerMessagesDroppedTotal: number;
  readonly peerProtocolErrorsTotal: number;
  readonly peerBytesQueued: number;
  /** How late the event loop ran in the last one to two minutes, at most. */
  readonly eventLoopDelayMs: number;
}
