import type { StreamStart } from '../core/commands.js';
import type { Item } from '../core/item.js';
import type { JobMessage } from '../core/messages.js';
import type { MessageCodecs } from './peer-codec.js';
import { type FieldReader, readKey } from './peer-fields.js';

type StreamMessage = Extract<JobMessage, { type: 'stream_chunk' | 'stream_room' | 'item' | 'items_taken' }>;
/** What one node tells another of a job; messages of topics have a way of their own. */
type JobItem = Extract<Item, { type: 'state' | 'progress' | 'missed' | 'data' }>;

/** On the wire an item's type is its position here. */
const itemTypes: readonly JobItem['type'][] = ['state', 'progress', 'missed', 'data'];

/** The fields of the messages of streams after their kind, in order. */
export const streamCodecs: MessageCodecs<StreamMessage> = {
  /** key, number, chunk or nil */
  stream_chunk: {
    encode: ({ key, number, chunk }) => [key.job, key.epoch, key.attempt, number, chunk],
    decode: (fields) => ({
      type: 'stream_chunk',
      key: readKey(fields),
      number: fields.count(),
      chunk: fields.nullable((inner) => inner.passingPayload()),
    }),
  },
  /** key, number, upTo */
  stream_room: {
    encode: ({ key, number, upTo }) => [key.job, key.epoch, key.attempt, number, upTo],
    decode: (fields) => ({
      type: 'stream_room',
      key: readKey(fields),
      number: fields.count(),
      upTo: fields.count(),
    }),
  },
  /** seq, number, item's type, then state: text, epoch, attempt · progress: text · missed: text, chunk · data: chunk, payload */
  item: {
    encode: ({ seq, number, item }) => [seq, number, ...encodeItem(item as JobItem)],
    decode: (fields) => {
      const seq = fields.count();
      return { type: 'item', seq, number: fields.count(), item: readItem(fields) };
    },
  },
  /** seq, number, upTo */
  items_taken: {
    encode: ({ seq, number, upTo }) => [seq, number, upTo],
    decode: (fields) => ({
      type: 'items_taken',
      seq: fields.count(),
      number: fields.count(),
      upTo: fields.count(),
    }),
  },
};

/** room, and the position after which it begins, or nil: epoch, attempt, chunk */
export function encodeStart({ room, after }: StreamStart): unknown[] {
  return [room, after === null ? null : [after.epoch, after.attempt, after.chunk]];
}

export function readStart(fields: FieldReader): StreamStart {
  return {
    room: fields.count(),
    after: fields.nullable((inner) => {
      const position = inner.nested('position', 0);
      return { epoch: position.count(), attempt: position.count(), chunk: position.count() };
    }),
  };
}

function encodeItem(item: JobItem): unknown[] {
  const kind = itemTypes.indexOf(item.type);
  switch (item.type) {
    case 'state':
      return [kind, item.text, item.epoch, item.attempt];
    case 'progress':
      return [kind, item.text];
    case 'missed':
      return [kind, item.text, item.chunk];
    case 'data':
      return [kind, item.chunk, item.payload];
  }
}

function readItem(fields: FieldReader): JobItem {
  const type = fields.oneOf(itemTypes);
  switch (type) {
    case 'state':
      return { type, text: fields.progress(), epoch: fields.count(), attempt: fields.count() };
    case 'progress':
      return { type, text: fields.progress() };
    case 'missed':
      return { type, text: fields.progress(), chunk: fields.count() };
    case 'data':
      return { type, chunk: fields.count(), payload: fields.passingPayload() };
  }
}
