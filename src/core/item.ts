import { type Payload, payloadBytes } from './payload.js';
import type { Topic } from './topics/topic.js';

/** One thing that a streaming request is told before its reply. `text` is JSON text of one line. */
export type Item =
  /** Where the job is now: of all states, those that were passed while nobody could be told are left out. */
  | { readonly type: 'state'; readonly text: string; readonly epoch: number; readonly attempt: number }
  /** The latest value of `ctx.progress`. */
  | { readonly type: 'progress'; readonly text: string }
  /** Chunks of this attempt that are not kept any more, `chunk` the last of them. */
  | { readonly type: 'missed'; readonly text: string; readonly chunk: number }
  /** What the attempt has yielded, numbered from 1. */
  | { readonly type: 'data'; readonly payload: Payload; readonly chunk: number }
  /** The subscription holds from here on. */
  | { readonly type: 'subscribed'; readonly text: string }
  | { readonly type: 'message'; readonly message: Message };

export type ItemType = Item['type'];

/** What was published to a topic. */
export interface Message {
  readonly topic: Topic;
  readonly payload: Payload;
}

/** What an item or a chunk costs beside what is in it: its place in a queue, and its words on the line. */
const overheadBytes = 64;

/** What an item counts for, in every limit and window. */
export function itemBytes(item: Item): number {
  switch (item.type) {
    case 'data':
      return chunkBytes(item.payload);
    case 'message':
      return chunkBytes(item.message.payload) + item.message.topic.length;
    default:
      return overheadBytes + item.text.length;
  }
}

/** What a chunk of a stream counts for. */
export function chunkBytes(chunk: Payload): number {
  return overheadBytes + payloadBytes(chunk);
}
