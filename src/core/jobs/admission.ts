import type { SubmitCommand, SubmitOptions } from '../commands.js';
import type { MemberRecord, TaskOffer } from '../member.js';
import { payloadBytes } from '../payload.js';
import { errorReply, type Reply } from '../reply.js';
import type { JobsConfig } from './config.js';
import type { Ledger } from './ledger.js';
import type { MemberView } from './member-view.js';
import type { Placement } from './placement.js';
import type { JobRecord } from './record.js';
import { commonSpec, type SpecTerms } from './spec.js';

export interface AdmissionOptions {
  readonly config: JobsConfig;
  readonly members: MemberView;
  readonly ledger: Ledger;
  readonly placement: Placement;
}

/** Whether this node takes a job, and if not, what its client is told. */
export class Admission {
  /** The terms that options which many requests share led to, for as long as members are as they were. */
  private readonly known = new Map<SubmitOptions, SpecTerms>();
  private knownVersion = -1;

  constructor(private readonly options: AdmissionOptions) {}

  /** On what terms the job is taken, or why it is refused. */
  check(command: SubmitCommand): SpecTerms | Reply {
    const { task, args, options } = command;
    // First, since to itself a leaving node is gone, and with it the tasks that it alone offers.
    if (this.options.members.self().draining) return drainingReply(this.options.members);
    const known = this.knownTerms(options);
    if (known?.task.name === task) return this.checkRoom(args === null ? 0 : payloadBytes(args)) ?? known;
    const terms = this.checkAnew(command);
    if (!('ok' in terms) && Object.isFrozen(options)) this.learn(options, terms);
    return terms;
  }

  private knownTerms(options: SubmitOptions): SpecTerms | undefined {
    const { version } = this.options.placement;
    if (this.knownVersion === version) return this.known.get(options);
    this.known.clear();
    this.knownVersion = version;
    return undefined;
  }

  private learn(options: SubmitOptions, terms: SpecTerms): void {
    if (this.known.size >= knownMax) this.known.clear();
    this.known.set(options, terms);
  }

  private checkAnew({ task, args, options }: SubmitCommand): SpecTerms | Reply {
    const offer = taskOffer(this.options.members, task);
    if (offer === null) {
      return errorReply('UNKNOWN_TASK', `no node offers the task ${task}; TASKS lists what there is`);
    }
    const absence = options.node === null ? null : this.absenceOf(options.node);
    const refusal = absence ?? this.checkRoom(args === null ? 0 : payloadBytes(args));
    return refusal ?? this.promiseOf(options, offer);
  }

  /** How many nodes keep it, and whether on disk: what was asked for, or else the best that these nodes can give. */
  private promiseOf(options: SubmitOptions, task: TaskOffer): SpecTerms | Reply {
    const { members, placement, config } = this.options;
    const { journal } = members.self();
    if (options.durable === true && journal === undefined) {
      const why = 'this node keeps no journal (it was started with --no-journal): submit to one that does';
      return errorReply('UNSUPPORTED', why);
    }
    if (options.durable !== false && journal === 'failed') {
      const why = 'the journal of this node takes no writes (its log says why); submit to another node';
      return errorReply('STORE_FAILED', `${why}, or with durable=no`);
    }
    const copies = options.copies ?? config.copies;
    const wanted = copies - 1;
    let isDurable = options.durable ?? journal === 'open';
    const others = placement.othersFor(isDurable);
    // Where nothing was said, two copies in memory are worth more than one on disk.
    if (isDurable && options.durable === null && others < Math.min(wanted, placement.othersFor(false)))
      isDurable = false;
    if (options.copies !== null && placement.othersFor(isDurable) < wanted) {
      const kind = isDurable ? 'nodes with a journal that works' : 'nodes that can hold a job';
      const why = `copies=${copies} needs as many ${kind}, and there are ${placement.othersFor(isDurable) + 1}`;
      return errorReply('UNAVAILABLE', `${why}; nothing was taken`);
    }
    const terms = { config, task, copies, isDurable };
    return { ...terms, common: commonSpec(options, terms) };
  }

  /** A job that is retried needs its room as a new one does. */
  checkRetry({ args }: JobRecord): Reply | null {
    return this.checkRoom(args === null ? 0 : payloadBytes(args));
  }

  private checkRoom(argsBytes: number): Reply | null {
    const { members, ledger, config } = this.options;
    if (members.self().draining) return drainingReply(members);
    if (ledger.hasRoomFor(argsBytes)) return null;
    return errorReply(
      'BUSY',
      `retry-after=1s this node has ${ledger.unfinished} unfinished jobs (limits: ${config.queueLengthMax} jobs, ${config.queueBytesMax} bytes)`,
    );
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

/** Every connection shares a few. */
const knownMax = 1_024;

/** A task as the first node offers it that is there and does. */
export function taskOffer(members: MemberView, task: string): TaskOffer | null {
  for (const member of members.all()) {
    if (!isPresent(member)) continue;
    const offer = member.tasks.find(({ name }) => name === task);
    if (offer !== undefined) return offer;
  }
  return null;
}

export function drainingReply(members: MemberView): Reply {
  for (const member of members.all())
    if (isPresent(member) && !member.draining)
      return errorReply('DRAINING', 'this node takes no new jobs: submit to another one');
  const why =
    'no node takes new jobs, as all of them drain or leave: RESUME one that drains, or start another';
  return errorReply('DRAINING', why);
}

function isPresent({ state }: MemberRecord): boolean {
  return state === 'alive' || state === 'suspect';
}
