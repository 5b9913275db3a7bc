import { RondoError } from '../core/errors.js';
import type { RunId } from '../core/ids.js';
import type { Reply } from '../core/reply.js';
import { encodeArguments } from '../protocol/arguments.js';
import type { HandlerRequest } from '../protocol/handler-request.js';
import { JobFailedError } from '../protocol/job-failure.js';
import { spellOptions } from '../protocol/spell.js';
import type { Reports } from './thread-messages.js';

interface Pending {
  readonly verb: HandlerRequest['verb'];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What the attempts on one event loop ask of the cluster, until it is answered. */
export class ClusterCalls {
  private readonly pending = new Map<RunId, Map<number, Pending>>();
  private last = 0;

  constructor(private readonly reports: Reports) {}

  /** Rejects with a `RondoError`: of what can't be right, before anything is sent. */
  ask(
    run: RunId,
    verb: HandlerRequest['verb'],
    name: string,
    value: unknown,
    options: object,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const payload = encodeArguments(value) ?? 'null';
      const spelled = verb === 'publish' ? [] : spellOptions(options, 'submit');
      const call = ++this.last;
      const ofRun = this.pending.get(run) ?? new Map<number, Pending>();
      this.pending.set(run, ofRun.set(call, { verb, resolve, reject }));
      this.reports.call(run, call, { verb, name: String(name), payload, options: spelled });
    });
  }

  answer(run: RunId, call: number, reply: Reply): void {
    const ofRun = this.pending.get(run);
    const pending = ofRun?.get(call);
    if (pending === undefined) return;
    ofRun?.delete(call);
    if (ofRun?.size === 0) this.pending.delete(run);
    if (reply.ok) pending.resolve(answerOf(pending.verb, reply));
    else pending.reject(errorOf(reply));
  }

  /** The attempt is to stop, or has ended: nothing is answered any more. */
  giveUp(run: RunId, reason: () => unknown): void {
    const ofRun = this.pending.get(run);
    if (ofRun === undefined) return;
    this.pending.delete(run);
    for (const { reject } of ofRun.values()) reject(reason());
  }
}

function answerOf(verb: HandlerRequest['verb'], { text, bytes }: Extract<Reply, { ok: true }>): unknown {
  if (verb === 'submit') return text.split(' ')[0];
  if (bytes !== undefined) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return JSON.parse(text);
}

function errorOf({ code, message }: Extract<Reply, { ok: false }>): RondoError {
  return code === 'JOB_FAILED' ? new JobFailedError(message) : new RondoError(code, message);
}
