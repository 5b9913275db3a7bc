import type { SubmitCommand } from '../commands.js';
import type { MemberRecord, TaskOffer } from '../member.js';
import { payloadBytes } from '../payload.js';
import { errorReply, type Reply } from '../reply.js';
import type { JobsConfig } from './config.js';
import type { Ledger } from './ledger.js';
import type { MemberView } from './member-view.js';
import type { JobRecord } from './record.js';

export interface AdmissionOptions {
  readonly config: JobsConfig;
  readonly members: MemberView;
  readonly ledger: Ledger;
}

/** Whether this node takes a job, and if not, what its client is told. */
export class Admission {
  constructor(private readonly options: AdmissionOptions) {}

  /** The offer that tells the task's own defaults, or why the job is refused. */
  check({ task, args, options }: SubmitCommand): TaskOffer | Reply {
    // First, since to itself a leaving node is gone, and with it the tasks that it alone offers.
    if (this.options.members.self().draining) return drainingReply();
    const offer = this.offerOf(task);
    if (offer === null) {
      return errorReply('UNKNOWN_TASK', `no node offers the task ${task}; TASKS lists what there is`);
    }
    if ((options.copies ?? 1) > 1 || options.durable === true) {
      return errorReply(
        'UNSUPPORTED',
        'this version keeps one copy of a job, in memory: submit without copies= and durable=yes',
      );
    }
    const absence = options.node === null ? null : this.absenceOf(options.node);
    return absence ?? this.checkRoom(args === null ? 0 : payloadBytes(args)) ?? offer;
  }

  /** A job that is retried needs its room as a new one does. */
  checkRetry({ args }: JobRecord): Reply | null {
    return this.checkRoom(args === null ? 0 : payloadBytes(args));
  }

  private checkRoom(argsBytes: number): Reply | null {
    const { members, ledger, config } = this.options;
    if (members.self().draining) return drainingReply();
    if (ledger.hasRoomFor(argsBytes)) return null;
    return errorReply(
      'BUSY',
      `retry-after=1s this node has ${ledger.unfinished} unfinished jobs (limits: ${config.queueLengthMax} jobs, ${config.queueBytesMax} bytes)`,
    );
  }

  private offerOf(task: string): TaskOffer | null {
    for (const member of this.options.members.all()) {
      if (!isPresent(member)) continue;
      const offer = member.tasks.find(({ name }) => name === task);
      if (offer !== undefined) return offer;
    }
    return null;
  }

  private absenceOf(name: string): Reply | null {
    let found: MemberRecord | null = null;
    for (const member of this.options.members.all()) {
      if (member.name !== name) continue;
      if (isPresent(member)) return null;
      found = member;
    }
    const why = found === null ? `no member is called ${name}` : `node ${name} is ${found.state}`;
    return errorReply('NO_SUCH_NODE', `${why}; NODES lists them`);
  }
}

export function drainingReply(): Reply {
  return errorReply('DRAINING', 'this node takes no new jobs: submit to another one');
}

function isPresent({ state }: MemberRecord): boolean {
  return state === 'alive' || state === 'suspect';
}
