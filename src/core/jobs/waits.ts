import { Deadlines } from '../deadlines.js';
import type { NodeId, RequestId } from '../ids.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { outcomeReply } from './answers.js';
import type { Asker, ExpiringWait, JobRecord, Waiter } from './record.js';

/** Requests that wait for jobs of this node: who they are, until when, and what they are told. */
export class Waits {
  private readonly byClient = new Map<RequestId, ExpiringWait>();
  private readonly byPeer = new Map<NodeId, Map<number, ExpiringWait>>();
  private readonly expiries = new Deadlines<ExpiringWait>();

  constructor(private readonly answer: (asker: Asker, reply: Reply) => void) {}

  add(record: JobRecord, asker: Asker, wants: Waiter['wants'], endsAtMs: number | null): void {
    const waiter: Waiter = { asker, wants, deadline: null };
    const wait: ExpiringWait = { record, waiter };
    if (endsAtMs !== null) waiter.deadline = this.expiries.add(endsAtMs, wait);
    if (asker.type === 'client') this.byClient.set(asker.request, wait);
    else {
      // Asked again after a lost link: the answer goes out once.
      this.remove(asker);
      let waits = this.byPeer.get(asker.node);
      if (waits === undefined) {
        waits = new Map();
        this.byPeer.set(asker.node, waits);
      }
      waits.set(asker.seq, wait);
    }
    if (record.waiters === null) record.waiters = [waiter];
    else record.waiters.push(waiter);
  }

  /** The job has its outcome. */
  resolve(record: JobRecord): void {
    const waiters = record.waiters;
    if (waiters === null) return;
    record.waiters = null;
    for (const waiter of waiters) {
      this.unlist(waiter);
      this.answer(waiter.asker, waiter.wants === 'outcome' ? outcomeReply(record) : cancelReply(record));
    }
  }

  remove(asker: Asker): void {
    const wait =
      asker.type === 'client'
        ? this.byClient.get(asker.request)
        : this.byPeer.get(asker.node)?.get(asker.seq);
    if (wait === undefined) return;
    this.unlist(wait.waiter);
    const waiters = wait.record.waiters;
    const index = waiters?.indexOf(wait.waiter) ?? -1;
    if (waiters === null || index < 0) return;
    const last = waiters.pop() as Waiter;
    if (index < waiters.length) waiters[index] = last;
    if (waiters.length === 0) wait.record.waiters = null;
  }

  /** That node's process is gone, and its clients with it. */
  removePeer(node: NodeId): void {
    for (const { waiter } of [...(this.byPeer.get(node)?.values() ?? [])]) this.remove(waiter.asker);
  }

  /** This node ends, and what it owns with it: whoever waits is told. */
  failAll(why: string): void {
    const waits = [
      ...this.byClient.values(),
      ...[...this.byPeer.values()].flatMap((waits) => [...waits.values()]),
    ];
    for (const { record, waiter } of waits) {
      this.remove(waiter.asker);
      this.answer(waiter.asker, errorReply('UNAVAILABLE', `${why}, and job ${record.spec.id} ends with it`));
    }
  }

  expire(nowMs: number): void {
    for (let wait = this.expiries.takeDue(nowMs); wait !== undefined; wait = this.expiries.takeDue(nowMs)) {
      this.remove(wait.waiter.asker);
      this.answer(
        wait.waiter.asker,
        errorReply('TIMEOUT', `job ${wait.record.spec.id} is still ${wait.record.state}; it goes on`),
      );
    }
  }

  nextExpiryMs(): number {
    return this.expiries.nextMs();
  }

  private unlist({ asker, deadline }: Waiter): void {
    if (deadline !== null) this.expiries.cancel(deadline);
    if (asker.type === 'client') this.byClient.delete(asker.request);
    else {
      const waits = this.byPeer.get(asker.node);
      waits?.delete(asker.seq);
      if (waits?.size === 0) this.byPeer.delete(asker.node);
    }
  }
}

/** What CANCEL answers once the job has ended. */
export function cancelReply(record: JobRecord): Reply {
  if (record.state === 'cancelled') return okReply();
  return errorReply('WRONG_STATE', `job ${record.spec.id} is ${record.state} already and can't be cancelled`);
}
