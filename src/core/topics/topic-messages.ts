import type { InstanceId, NodeId } from '../ids.js';
import type { Payload } from '../payload.js';
import type { Topic } from './topic.js';

/** Which of what a node has said of its interest this is: a later process of it, or a later version of the same one, counts. */
export interface InterestVersion {
  readonly node: NodeId;
  readonly instance: InstanceId;
  /** Its incarnation at the start of its process: tells which of two processes is the later one. */
  readonly start: number;
  /** From 1 in each process. */
  readonly version: number;
}

/** What is published to which topics a node wants to be sent. It may be sent more: what it does not want it passes over. */
export interface InterestRecord extends InterestVersion {
  /** Null: everything. */
  readonly patterns: readonly Topic[] | null;
  /** A Bloom filter of topics, see TopicFilter; empty: none. */
  readonly filter: Uint8Array;
}

/** A message that the node at which it was published has kept. */
export interface KeptMessage {
  readonly topic: Topic;
  /** As in `publish`: rises by one with each message that is published at that node. */
  readonly number: number;
  /** When it was published, by that node's clock. */
  readonly wallMs: number;
  readonly payload: Payload;
}

/**
 * Topics, between any two nodes:
 *
 *     a ─interest─► b                     what a wants, at each new link and each change; in a large cluster b passes on what is
 *                                         news to it to all that it has a link to
 *     a ─interest_digest─► b              b ─interest_versions(all it knows, answerWanted)─► a     when its own checksum is another
 *     a ─interest─► b                     those that b lacks, and
 *     a ─interest_versions(all it knows)─► b   when b has some that a lacks: b ─interest─► a
 *
 *     a ─publish(seq)─► b                 once a message, when b may want it; b delivers it to its own subscribers
 *     b ─published(upTo, counts)─► a      how many these were, for all messages of one turn
 *
 *     a ─replay_wanted(seq)─► b           b ─replayed(seq)─► a            the last messages that were published at b
 *     a ─count_subscribers(seq)─► b       b ─subscriber_counts(seq)─► a
 *
 * Nothing is sent twice: what is lost with a link is lost, and b takes no message of a process of a that does not come after the
 * last one it took of it.
 */
export type TopicMessage =
  | { readonly type: 'interest'; readonly record: InterestRecord }
  /** An unsigned 32-bit checksum over (node, instance, version) of all interest that the sender knows, in any order: a sum. */
  | { readonly type: 'interest_digest'; readonly checksum: number }
  | {
      readonly type: 'interest_versions';
      readonly versions: readonly InterestVersion[];
      readonly answerWanted: boolean;
    }
  | { readonly type: 'publish'; readonly seq: number; readonly topic: Topic; readonly payload: Payload }
  /** `counts`: seq and number of subscribers, seq and number, ..., rising. What is not in it up to `upTo` never came. */
  | { readonly type: 'published'; readonly upTo: number; readonly counts: readonly number[] }
  /** `count`: at most so many of each topic. */
  | {
      readonly type: 'replay_wanted';
      readonly seq: number;
      readonly count: number;
      readonly topics: readonly Topic[];
    }
  /** `last`: the number of the last message that was published there when it looked for them; those up to it that come later are out of order. */
  | {
      readonly type: 'replayed';
      readonly seq: number;
      readonly last: number;
      readonly messages: readonly KeptMessage[];
    }
  | { readonly type: 'count_subscribers'; readonly seq: number; readonly topics: readonly Topic[] }
  /** In the order of the topics. */
  | { readonly type: 'subscriber_counts'; readonly seq: number; readonly counts: readonly number[] };

export type TopicMessageType = TopicMessage['type'];

const topicMessageTypes: Readonly<Record<TopicMessageType, true>> = {
  interest: true,
  interest_digest: true,
  interest_versions: true,
  publish: true,
  published: true,
  replay_wanted: true,
  replayed: true,
  count_subscribers: true,
  subscriber_counts: true,
};

export function isTopicMessage<Message extends { readonly type: string }>(
  message: Message,
): message is Extract<Message, { type: TopicMessageType }> {
  return Object.hasOwn(topicMessageTypes, message.type);
}
