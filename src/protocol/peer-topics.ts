import { limits } from '../core/limits.js';
import type { Payload } from '../core/payload.js';
import { isTopic, isTopicOrPattern, type Topic } from '../core/topics/topic.js';
import { isFilterSize } from '../core/topics/topic-filter.js';
import type {
  InterestRecord,
  InterestVersion,
  KeptMessage,
  TopicMessage,
} from '../core/topics/topic-messages.js';
import type { MessageCodecs } from './peer-codec.js';
import { PeerFault } from './peer-fault.js';
import { type FieldReader, nestedFields } from './peer-fields.js';

const countsMax = 65_536;
/** Of one topic at one node. */
const subscribersMax = limits.subscriptionsMax;

/** The fields of the messages of topics after their kind, in order. */
export const topicCodecs: MessageCodecs<TopicMessage> = {
  /** node, instance, start, version, patterns or nil, filter */
  interest: {
    encode: ({ record }) => [...encodeVersion(record), record.patterns, record.filter],
    decode: (fields) => ({ type: 'interest', record: readInterest(fields) }),
  },
  interest_digest: {
    encode: ({ checksum }) => [checksum],
    decode: (fields) => ({ type: 'interest_digest', checksum: fields.integer(0, 2 ** 32 - 1) }),
  },
  /** [node, instance, start, version, ...], answerWanted */
  interest_versions: {
    encode: ({ versions, answerWanted }) => [versions.flatMap(encodeVersion), answerWanted],
    decode: (fields) => ({
      type: 'interest_versions',
      versions: readVersions(fields),
      answerWanted: fields.boolean(),
    }),
  },
  publish: {
    encode: ({ seq, topic, payload }) => [seq, topic, payload],
    decode: (fields) => ({
      type: 'publish',
      seq: fields.count(),
      topic: readTopic(fields),
      payload: readContent(fields),
    }),
  },
  published: {
    encode: ({ upTo, counts }) => [upTo, counts],
    decode: (fields) => ({ type: 'published', upTo: fields.count(), counts: fields.counts(countsMax) }),
  },
  replay_wanted: {
    encode: ({ seq, count, topics }) => [seq, count, topics],
    decode: (fields) => ({
      type: 'replay_wanted',
      seq: fields.count(),
      count: fields.integer(1, limits.replayMax),
      topics: readNames(fields, limits.topicsPerRequestMax),
    }),
  },
  /** seq, last, [topic, number, wallMs, payload, ...] */
  replayed: {
    encode: ({ seq, last, messages }) => [seq, last, encodeKept(messages)],
    decode: (fields) => ({
      type: 'replayed',
      seq: fields.count(),
      last: fields.count(),
      messages: readKept(fields),
    }),
  },
  count_subscribers: {
    encode: ({ seq, topics }) => [seq, topics],
    decode: (fields) => ({
      type: 'count_subscribers',
      seq: fields.count(),
      topics: readNames(fields, limits.topicsPerRequestMax),
    }),
  },
  subscriber_counts: {
    encode: ({ seq, counts }) => [seq, counts],
    decode: (fields) => ({
      type: 'subscriber_counts',
      seq: fields.count(),
      counts: fields.integers(limits.topicsPerRequestMax, subscribersMax),
    }),
  },
};

function encodeVersion({ node, instance, start, version }: InterestVersion): unknown[] {
  return [node, instance, start, version];
}

function readVersion(fields: FieldReader): InterestVersion {
  return {
    node: fields.nodeId(),
    instance: fields.instanceId(),
    start: fields.incarnation(),
    version: fields.count(),
  };
}

function readInterest(fields: FieldReader): InterestRecord {
  const version = readVersion(fields);
  const patterns = fields.nullable((inner) => readNames(inner, limits.interestPatternsMax));
  const filter = fields.bytes();
  if (!isFilterSize(filter.length))
    throw new PeerFault('FIELD_INVALID', 'interest: field 6 is no filter of topics');
  return { ...version, patterns, filter };
}

function readVersions(fields: FieldReader): InterestVersion[] {
  const flat = fields.array(4 * limits.membersMax);
  const inner = nestedFields(flat, 'interest_versions: versions', 0);
  return Array.from({ length: Math.ceil(flat.length / 4) }, () => readVersion(inner));
}

/** By hand: of thousands of messages `flatMap` takes ten times as long. */
function encodeKept(messages: readonly KeptMessage[]): unknown[] {
  const flat: unknown[] = [];
  for (const { topic, number, wallMs, payload } of messages) flat.push(topic, number, wallMs, payload);
  return flat;
}

function readKept(fields: FieldReader): KeptMessage[] {
  // Each counts for more than 64 bytes, and the one that goes over the limit is left out.
  const flat = fields.array(4 * (limits.replayedBytesMax / 64));
  const inner = nestedFields(flat, 'replayed: messages', 0);
  return Array.from({ length: Math.ceil(flat.length / 4) }, () => ({
    topic: readTopic(inner),
    number: inner.count(),
    wallMs: inner.wallMs(),
    payload: readContent(inner),
  }));
}

function readTopic(fields: FieldReader): Topic {
  const name = fields.text(limits.topicLengthMax);
  return isTopic(name) ? name : fail('a name of a topic');
}

function readNames(fields: FieldReader, countMax: number): Topic[] {
  const values = fields.array(countMax);
  const inner = nestedFields(values, 'topics', 0);
  return values.map(() => {
    const name = inner.text(limits.topicLengthMax);
    return isTopicOrPattern(name) ? name : fail('a topic, or a pattern of topics');
  });
}

/** Text is sent to clients as it stands, so it must be of one line. */
function readContent(fields: FieldReader): Payload {
  const payload = fields.payload();
  if (payload.length > limits.topicMessageBytesMax) return fail('a payload as small as those of topics');
  if (typeof payload === 'string' && lineBreak.test(payload)) return fail('a payload of one line');
  return payload;
}

const lineBreak = /[\n\r]/;

function fail(wanted: string): never {
  throw new PeerFault('FIELD_INVALID', `a field is not ${wanted}`);
}
