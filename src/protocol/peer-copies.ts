import { limits } from '../core/limits.js';
import type { JobMessage, KeepEntry, KeepRefusal, KeepRefusalReason } from '../core/messages.js';
import { decodeCopy, decodeRank, decodeUpdate, encodeCopy, encodeRank, encodeUpdate } from './copy-codec.js';
import type { MessageCodecs } from './peer-codec.js';
import { nestedFields } from './peer-fields.js';

type CopyMessage = Extract<JobMessage, { type: 'keep' | 'kept' }>;

const entryKinds = { copy: 0, update: 1, drop: 2 } as const satisfies Record<KeepEntry['type'], number>;
/** On the wire a reason is its position here; new ones come last, with a new protocol version. */
const refusalReasons: readonly KeepRefusalReason[] = ['fenced', 'lacking', 'full', 'failed'];

/** The fields of the messages about copies of jobs after their kind, in order. */
export const copyCodecs: MessageCodecs<CopyMessage> = {
  /** seq, [[0, copy...] or [1, job, update...] or [2, job, rank...]...] */
  keep: {
    encode: ({ seq, entries }) => [seq, entries.map(encodeEntry)],
    decode: (fields) => ({
      type: 'keep',
      seq: fields.count(),
      entries: fields.array(limits.keepEntriesMax).map(readEntry),
    }),
  },
  /** seq, [index, reason, index, reason...] */
  kept: {
    encode: ({ seq, refused }) => [
      seq,
      refused.flatMap(({ index, reason }) => [index, refusalReasons.indexOf(reason)]),
    ],
    decode: (fields) => ({
      type: 'kept',
      seq: fields.count(),
      refused: readRefusals(fields.counts(2 * limits.keepEntriesMax)),
    }),
  },
};

function encodeEntry(entry: KeepEntry): unknown[] {
  switch (entry.type) {
    case 'copy': {
      const fields = encodeCopy(entry.copy);
      fields.unshift(entryKinds.copy);
      return fields;
    }
    case 'update': {
      const fields = encodeUpdate(entry.update);
      fields.unshift(entryKinds.update, entry.job);
      return fields;
    }
    case 'drop':
      return [entryKinds.drop, entry.job, ...encodeRank(entry.rank)];
  }
}

function readEntry(value: unknown): KeepEntry {
  const fields = nestedFields(value, 'keep: entry', 0);
  switch (fields.integer(0, entryKinds.drop)) {
    case entryKinds.copy:
      return { type: 'copy', copy: decodeCopy(fields) };
    case entryKinds.update:
      return { type: 'update', job: fields.jobId(), update: decodeUpdate(fields) };
    default:
      return { type: 'drop', job: fields.jobId(), rank: decodeRank(fields) };
  }
}

/** A reason that only a newer node knows is one that this node can do nothing about. */
function readRefusals(values: readonly number[]): KeepRefusal[] {
  const refusals: KeepRefusal[] = [];
  for (let at = 0; at + 1 < values.length; at += 2)
    refusals.push({
      index: values[at] as number,
      reason: refusalReasons[values[at + 1] as number] ?? 'failed',
    });
  return refusals;
}
