import { limits } from '../core/limits.js';
import type { JournalState, MemberRecord, MemberState, MemberVersion, TaskOffer } from '../core/member.js';
import type { MembershipMessage, Rumour } from '../core/messages.js';
import type { MessageCodecs } from './peer-codec.js';
import { PeerFault } from './peer-fault.js';
import { type FieldReader, nestedFields } from './peer-fields.js';

/** On the wire a state is its position here. */
const memberStates: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];
const rumourKinds = { alive: 0, suspect: 1, dead: 2, left: 3 } as const;

/** The fields of each membership message after its kind, in order. */
export const membershipCodecs: MessageCodecs<MembershipMessage> = {
  /** seq, [rumour...] */
  ping: {
    encode: (message) => [message.seq, message.rumours.map(encodeRumour)],
    decode: (fields) => ({ type: 'ping', seq: fields.count(), rumours: readRumours(fields) }),
  },
  /** seq, [rumour...] */
  ack: {
    encode: (message) => [message.seq, message.rumours.map(encodeRumour)],
    decode: (fields) => ({ type: 'ack', seq: fields.count(), rumours: readRumours(fields) }),
  },
  /** seq, [rumour...] */
  nack: {
    encode: (message) => [message.seq, message.rumours.map(encodeRumour)],
    decode: (fields) => ({ type: 'nack', seq: fields.count(), rumours: readRumours(fields) }),
  },
  /** seq, target, [rumour...] */
  probe_request: {
    encode: (message) => [message.seq, message.target, message.rumours.map(encodeRumour)],
    decode: (fields) => ({
      type: 'probe_request',
      seq: fields.count(),
      target: fields.nodeId(),
      rumours: readRumours(fields),
    }),
  },
  /** [rumour...] */
  gossip: {
    encode: (message) => [message.rumours.map(encodeRumour)],
    decode: (fields) => ({ type: 'gossip', rumours: readRumours(fields) }),
  },
  /** checksum */
  digest: {
    encode: (message) => [message.checksum],
    decode: (fields) => ({ type: 'digest', checksum: fields.integer(0, 0xffff_ffff) }),
  },
  /** [member...], answerWanted */
  sync: {
    encode: (message) => [message.members.map(encodeMember), message.answerWanted],
    decode: (fields) => ({
      type: 'sync',
      members: fields.array(limits.membersMax).map(readMember),
      answerWanted: fields.boolean(),
    }),
  },
  /** [checksum...] */
  buckets: {
    encode: (message) => [message.checksums],
    decode: (fields) => ({ type: 'buckets', checksums: readChecksums(fields) }),
  },
  /** position in `bucketCounts`, [bucket...], [id, incarnation, state, id, incarnation, state...] */
  versions: {
    encode: ({ bucketCount, buckets, versions }) => [
      bucketCounts.indexOf(bucketCount),
      buckets,
      versions.flatMap(({ id, incarnation, state }) => [id, incarnation, memberStates.indexOf(state)]),
    ],
    decode: (fields) => {
      const bucketCount = fields.oneOf(bucketCounts);
      const buckets = fields.integers(bucketCount, bucketCount - 1);
      return { type: 'versions', bucketCount, buckets, versions: readVersions(fields) };
    },
  },
  /** [node...] */
  wanted: {
    encode: (message) => [message.nodes],
    decode: (fields) => ({ type: 'wanted', nodes: fields.nodeIds(limits.membersMax) }),
  },
  /** [member...] */
  records: {
    encode: (message) => [message.members.map(encodeMember)],
    decode: (fields) => ({
      type: 'records',
      members: fields.array(limits.recordsPerMessageMax).map(readMember),
    }),
  },
};

/** How many buckets there can be, 2^k at position k. */
const bucketCounts = Array.from({ length: Math.log2(limits.digestBucketsMax) + 1 }, (_, bits) => 2 ** bits);

function readChecksums(fields: FieldReader): number[] {
  const checksums = fields.integers(limits.digestBucketsMax, 0xffff_ffff);
  if (!bucketCounts.includes(checksums.length)) {
    throw new PeerFault('FIELD_INVALID', 'buckets: as many as no power of two');
  }
  return checksums;
}

function readVersions(fields: FieldReader): MemberVersion[] {
  const flat = fields.array(3 * limits.membersMax);
  const inner = nestedFields(flat, 'versions', 0);
  return Array.from({ length: Math.ceil(flat.length / 3) }, () => ({
    id: inner.nodeId(),
    incarnation: inner.incarnation(),
    state: inner.oneOf(memberStates),
  }));
}

/** alive: 0, member · suspect: 1, node, incarnation, accuser · dead: 2, node, incarnation, accuser · left: 3, node, incarnation */
function encodeRumour(rumour: Rumour): unknown[] {
  const kind = rumourKinds[rumour.type];
  switch (rumour.type) {
    case 'alive':
      return [kind, encodeMember(rumour.member)];
    case 'suspect':
    case 'dead':
      return [kind, rumour.node, rumour.incarnation, rumour.accuser];
    case 'left':
      return [kind, rumour.node, rumour.incarnation];
  }
}

/** Rumours of a kind that this node doesn't know are left out: a newer node may tell of more. */
function readRumours(fields: FieldReader): Rumour[] {
  const rumours: Rumour[] = [];
  for (const value of fields.array(limits.rumoursPerMessageMax)) {
    const rumour = readRumour(value);
    if (rumour !== null) rumours.push(rumour);
  }
  return rumours;
}

function readRumour(value: unknown): Rumour | null {
  const fields = nestedFields(value, 'rumour', 0);
  switch (fields.integer(0, 127)) {
    case rumourKinds.alive:
      return { type: 'alive', member: readMember(fields.array(memberFieldsMax)) };
    case rumourKinds.suspect:
      return {
        type: 'suspect',
        node: fields.nodeId(),
        incarnation: fields.incarnation(),
        accuser: fields.nodeId(),
      };
    case rumourKinds.dead:
      return {
        type: 'dead',
        node: fields.nodeId(),
        incarnation: fields.incarnation(),
        accuser: fields.nodeId(),
      };
    case rumourKinds.left:
      return { type: 'left', node: fields.nodeId(), incarnation: fields.incarnation() };
    default:
      return null;
  }
}

const journalStates: readonly JournalState[] = ['open', 'failed'];
/** With room for the fields of newer nodes. */
const memberFieldsMax = 64;

/** id, name, instance, incarnation, state, address, client, [key, value, key, value...], [task...], draining, and where it has one, its journal: open or failed */
function encodeMember(member: MemberRecord): unknown[] {
  return [
    member.id,
    member.name,
    member.instance,
    member.incarnation,
    memberStates.indexOf(member.state),
    member.address,
    member.client,
    member.tags.flat(),
    member.tasks.map(encodeTask),
    member.draining,
    ...(member.journal === undefined ? [] : [journalStates.indexOf(member.journal)]),
  ];
}

function readMember(value: unknown): MemberRecord {
  const fields = nestedFields(value, 'member', 0);
  const member: MemberRecord = {
    id: fields.nodeId(),
    name: fields.name(),
    instance: fields.instanceId(),
    incarnation: fields.incarnation(),
    state: fields.oneOf(memberStates),
    address: fields.address(),
    client: fields.address(),
    tags: fields.pairs(limits.tagsPerNodeMax),
    tasks: fields.array(limits.tasksPerNodeMax).map(readTask),
    draining: fields.boolean(),
  };
  const journal = fields.optional((inner) => inner.oneOf(journalStates));
  return journal === null ? member : { ...member, journal };
}

/** The name alone, or name, retries or nil, timeoutMs or nil, concurrency or nil */
function encodeTask(task: TaskOffer): unknown {
  const { name, retries, timeoutMs, concurrency } = task;
  if (retries === undefined && timeoutMs === undefined && concurrency === undefined) return name;
  return [name, retries ?? null, timeoutMs ?? null, concurrency ?? null];
}

function readTask(value: unknown): TaskOffer {
  const fields = nestedFields(typeof value === 'string' ? [value, null, null, null] : value, 'task', 0);
  const name = fields.name();
  const retries = fields.nullable((inner) => inner.integer(0, limits.retriesMax));
  const timeoutMs = fields.nullable((inner) => inner.durationMs());
  const concurrency = fields.nullable((inner) => inner.count());
  return {
    name,
    ...(retries !== null && { retries }),
    ...(timeoutMs !== null && { timeoutMs }),
    ...(concurrency !== null && { concurrency }),
  };
}
