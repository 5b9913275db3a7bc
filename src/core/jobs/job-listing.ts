import type { ClientCommand } from '../commands.js';
import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { describeJob } from './answers.js';
import type { Asks } from './asks.js';
import type { JobsConfig } from './config.js';
import type { Ledger } from './ledger.js';
import type { MemberView } from './member-view.js';
import type { Asker, JobRecord } from './record.js';

export interface JobListingOptions {
  readonly self: NodeId;
  readonly config: JobsConfig;
  readonly members: MemberView;
  readonly ledger: Ledger;
  readonly asks: Asks;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

type ListCommand = Extract<ClientCommand, { type: 'jobs' }>;

interface JobRow {
  readonly id: string;
  readonly createdAt: string;
}

/** JOBS: a client sees the jobs of the whole cluster, the newest first; a peer asks for those of this node. */
export class JobListing {
  constructor(private readonly options: JobListingOptions) {}

  list(command: ListCommand, asker: Asker, now: Instant): void {
    const { self, members, asks, config, answer } = this.options;
    const rows = this.ownRows(command);
    const others = [...members.all()].filter(({ id, state }) => id !== self && state === 'alive');
    if (asker.type === 'peer' || others.length === 0) {
      answer(asker, okReply(JSON.stringify(rows)));
      return;
    }
    let open = others.length;
    let failure: string | null = null;
    for (const { id: to, name } of others) {
      const answered = (reply: Reply): void => {
        if (reply.ok) for (const row of rowsOf(reply.text, command.limit)) rows.push(row);
        else failure = name;
        if (--open > 0) return;
        // A list that leaves out a node's jobs without a word would look whole.
        if (failure !== null)
          answer(asker, errorReply('UNAVAILABLE', `node ${failure} did not list its jobs`));
        else answer(asker, okReply(JSON.stringify(newestFirst(rows).slice(0, command.limit))));
      };
      asks.ask({ to, command, now, timeoutMs: config.askTimeoutMs, answered });
    }
  }

  private ownRows({ state, task, limit }: ListCommand): JobRow[] {
    const rows: JobRecord[] = [];
    for (const record of this.options.ledger.values()) {
      if (state !== null && record.state !== state) continue;
      if (task !== null && record.spec.task !== task) continue;
      rows.push(record);
      // Records stand in order of arrival, so dropping the older half now and then keeps the newest.
      if (rows.length >= 2 * limit + 1024) rows.splice(0, rows.length - limit);
    }
    const describe = (record: JobRecord): JobRow =>
      describeJob(record, this.options.members) as unknown as JobRow;
    return newestFirst(rows.slice(-limit).map(describe));
  }
}

/** What another node lists. It may answer anything: what is no list of jobs counts as none. */
function rowsOf(text: string, limit: number): JobRow[] {
  try {
    const rows: unknown = JSON.parse(text);
    return Array.isArray(rows) ? rows.slice(0, limit).filter(isJobRow) : [];
  } catch {
    return [];
  }
}

function isJobRow(row: unknown): row is JobRow {
  const { id, createdAt } = (row ?? {}) as Partial<Record<keyof JobRow, unknown>>;
  return typeof id === 'string' && typeof createdAt === 'string';
}

function newestFirst(rows: JobRow[]): JobRow[] {
  return rows.sort((a, b) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0));
}
