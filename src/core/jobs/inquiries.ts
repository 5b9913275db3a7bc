import type { InstanceId, NodeId } from '../ids.js';
import type { InquiryItem } from '../messages.js';
import { okReply, type Reply } from '../reply.js';
import type { Copies } from './copies.js';
import { type CopyRank, compareRanks } from './copy.js';
import type { Ledger } from './ledger.js';
import { isThere, type MemberView } from './member-view.js';
import { isShortOfHolders } from './record.js';
import { rankOf } from './record-copy.js';
import type { Replicator } from './replicator.js';

/**
 * What a node says of a job that it is asked about:
 *
 *     same, older, newer    its own state, compared with the asker's; with `newer`, who owns the job
 *     released              it owns the job, and the asker is no holder of it any more
 *     gone                  the job was its own, and is over: it has forgotten nothing else
 *     unknown               it never had it, or may have lost it
 */
export type InquiryAnswer = 'same' | 'older' | `newer ${NodeId}` | 'released' | 'gone' | 'unknown';

export interface InquiriesOptions {
  readonly self: NodeId;
  readonly instance: InstanceId;
  /** Processes of this node since which its journal has lost nothing. */
  readonly lineage: readonly InstanceId[];
  readonly ledger: Ledger;
  readonly copies: Copies;
  readonly replicator: Replicator;
  readonly members: MemberView;
}

/** What other nodes ask about jobs that they hold, or own, and are not sure of. */
export class Inquiries {
  constructor(private readonly options: InquiriesOptions) {}

  /** What this node knows of jobs that another one holds. */
  answer(from: NodeId, items: readonly InquiryItem[]): Reply {
    return okReply(JSON.stringify(items.map((item) => this.answerItem(from, item))));
  }

  private answerItem(from: NodeId, item: InquiryItem): InquiryAnswer {
    const { ledger, copies, replicator, members, self } = this.options;
    const record = ledger.get(item.job);
    if (record !== undefined) {
      const order = compareForInquiry(rankOf(record), item);
      if (order < 0) return 'older';
      if (record.owner === self && !record.holders.includes(from)) {
        if (item.owner !== self && item.epoch >= record.epoch) {
          // Another node thinks itself the owner, too: it hears of this one by whoever holds the job for it.
          replicator.push(from, replicator.copyOf(record));
          return `newer ${self}`;
        }
        // Those that are to have it may not: until they do, it is to be kept wherever it is, and asked about again.
        const mayForget = (record.missing & ~1) === 0 && !isShortOfHolders(record);
        if (!mayForget) return `newer ${self}`;
        // Once it has forgotten the job, it tells its earlier owner nothing of this one.
        if (!record.holders.includes(item.owner) && isThere(members, item.owner))
          replicator.dropState(item.owner, item.job, rankOf(record));
        return 'released';
      }
      if (order === 0) return 'same';
      replicator.again(from, record);
      return `newer ${record.owner}`;
    }
    const held = copies.get(item.job);
    if (held === undefined) return this.hasForgotten(item) ? 'gone' : 'unknown';
    const order = compareForInquiry(held.copy, item);
    if (order === 0) return 'same';
    if (order < 0) return 'older';
    // The asker's own, of which nobody else could tell it.
    if (held.copy.owner === from) replicator.push(from, held.copy);
    return `newer ${held.copy.owner}`;
  }

  /** A job that was this node's, of a process since which it has lost nothing: that it isn't here means that it is over. */
  private hasForgotten({ owner, instance, isDurable }: InquiryItem): boolean {
    const { self, lineage } = this.options;
    return (
      owner === self && (instance === this.options.instance || (isDurable && lineage.includes(instance)))
    );
  }
}

/** An outcome that holds and one that is only known are the same, where the rest is. */
function compareForInquiry(a: CopyRank, b: CopyRank): number {
  const isSame =
    a.generation === b.generation && a.epoch === b.epoch && a.owner === b.owner && a.change === b.change;
  return isSame ? 0 : compareRanks(a, b);
}

export function rankOnly({ generation, stage, epoch, owner, change }: CopyRank): CopyRank {
  return { generation, stage, epoch, owner, change };
}

const answerPattern = /^(?:same|older|released|gone|unknown|newer [0-9a-v]{12})$/;

/** Null where another node has answered something else. */
export function parseInquiryAnswers(text: string, count: number): InquiryAnswer[] | null {
  try {
    const answers: unknown = JSON.parse(text);
    const isRight =
      Array.isArray(answers) &&
      answers.length === count &&
      answers.every((answer) => typeof answer === 'string' && answerPattern.test(answer));
    return isRight ? (answers as InquiryAnswer[]) : null;
  } catch {
    return null;
  }
}
