import type { ClientCommand, NodeCommand, SubmitCommand } from '../commands.js';
import type { JobId, RequestId, RunId } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import { taskOffer } from './admission.js';
import type { JobsConfig } from './config.js';
import type { Executor } from './executor.js';
import type { MemberView } from './member-view.js';
import type { Asker } from './record.js';
import { idOfKey } from './submission.js';
import type { Waits } from './waits.js';

export interface CallsOptions {
  readonly instance: string;
  readonly config: JobsConfig;
  readonly members: MemberView;
  readonly executor: Executor;
  readonly waits: Waits;
  readonly request: (command: NodeCommand, asker: Asker, now: Instant) => void;
  readonly abandon: (asker: Asker) => void;
}

/** A job that an attempt on this node has begun, and waits for. */
interface Call {
  readonly run: RunId;
  /** Known beforehand of a job with a key; of another one the node that took it knows, which is this one. */
  readonly job: JobId | null;
  /** Who gave it a key lets others have the same job: it doesn't end with this attempt. */
  readonly isShared: boolean;
}

/**
 * What handlers on this node ask of the cluster: each request is one of a client of this node, with a number below 0. While an attempt waits for
 * a job that it has begun, its place is lent to others, so that jobs which wait for jobs never wait for room; and when it ends, or is to stop, such
 * jobs are cancelled, but for those with a key.
 */
export class Calls {
  private readonly calls = new Map<RequestId, Call>();
  private readonly byRun = new Map<RunId, Set<RequestId>>();
  private keyed = 0;

  constructor(private readonly options: CallsOptions) {}

  /** The command, as the attempt that it comes from has it asked; null when that has ended. */
  begin(run: RunId, request: RequestId, command: ClientCommand, now: Instant): ClientCommand | null {
    const held = this.options.executor.heldBy(run);
    if (held === null) return null;
    if (command.type !== 'submit' || !command.wait) return command;
    const submit = this.placed(this.withinParent(command, held, now));
    const { key } = submit.options;
    const isShared = command.options.key !== null;
    this.calls.set(request, { run, job: key === null ? null : idOfKey(key), isShared });
    const ofRun = this.byRun.get(run);
    if (ofRun !== undefined) ofRun.add(request);
    else {
      this.byRun.set(run, new Set([request]));
      this.options.executor.setLent(run, true);
    }
    return submit;
  }

  /** It is answered. */
  over(request: RequestId): void {
    const call = this.calls.get(request);
    if (call === undefined) return;
    this.calls.delete(request);
    const ofRun = this.byRun.get(call.run);
    ofRun?.delete(request);
    if (ofRun?.size !== 0) return;
    this.byRun.delete(call.run);
    this.options.executor.setLent(call.run, false);
  }

  /** The attempt has ended, or is to: nobody waits any more for what it alone has begun, and it is cancelled. */
  attemptOver(run: RunId, now: Instant): void {
    for (const request of [...(this.byRun.get(run) ?? [])]) {
      const asker: Asker = { type: 'client', request };
      const call = this.calls.get(request);
      const job = call?.job ?? this.options.waits.jobOf(asker);
      this.over(request);
      this.options.abandon(asker);
      if (job !== null && call?.isShared !== true)
        this.options.request({ type: 'cancel', job }, { type: 'nobody' }, now);
    }
  }

  /**
   * Before its equals, as a parent holds a place until it is done; above what users may give, if need be, as a job at that limit lends its place,
   * too. And no longer than its parent may run, unless it has a key, and others may wait for it.
   */
  private withinParent(
    command: SubmitCommand,
    { priority, endsAtMs }: { readonly priority: number; readonly endsAtMs: number | null },
    now: Instant,
  ): SubmitCommand {
    const { config, members } = this.options;
    const { task } = command;
    const raised = Math.min(limits.raisedPriorityMax, Math.max(command.options.priority, priority + 1, 1));
    const options = { ...command.options, priority: raised };
    if (endsAtMs === null || options.key !== null) return { ...command, options };
    const ownMs = options.timeoutMs ?? taskOffer(members, task)?.timeoutMs ?? config.timeoutMs;
    const leftMs = Math.max(1, Math.ceil(endsAtMs - now.monotonicMs));
    return { ...command, options: { ...options, timeoutMs: Math.min(ownMs, leftMs) } };
  }

  /** A node that drains takes no new job: another one does, and finds it by its key. */
  private placed(command: SubmitCommand): SubmitCommand {
    const { id, draining } = this.options.members.self();
    if (!draining || command.options.key !== null) return command;
    const key = `call-${id}-${this.options.instance}-${++this.keyed}`;
    return { ...command, options: { ...command.options, key } };
  }

  /** Requests that attempts wait for, for checkers. */
  get count(): number {
    return this.calls.size;
  }
}
