import type { JobId, NodeId } from '../core/ids.js';
import { type CopyRank, compareRanks } from '../core/jobs/copy.js';
import type { Jobs } from '../core/jobs/jobs.js';
import type { JobRecord } from '../core/jobs/record.js';
import { rankOf } from '../core/jobs/record-copy.js';
import { okReply } from '../core/reply.js';

// Each spoils the job core of one node that is about to start.

export function acknowledgingBeforeCopying({ owner, ledger }: Jobs): void {
  const accept = owner.accept.bind(owner);
  owner.accept = (command, id, ...rest) => {
    accept(command, id, ...rest);
    const record = ledger.get(id);
    if (record === undefined) return;
    const { missing } = record;
    record.missing = 0;
    owner.reached(record, true);
    record.missing = missing;
  };
}

export function waitingForAllButOne({ keeping: { replicator }, owner }: Jobs): void {
  const changed = replicator.changed.bind(replicator);
  replicator.changed = (record) => {
    changed(record);
    forgive(record, 1 << (record.holders.length - 1), owner);
  };
}

export function holdingTwiceItself({ keeping: { placement, replicator }, owner }: Jobs, self: NodeId): void {
  const choose = placement.choose.bind(placement);
  placement.choose = (job, count, isDurable, except) => {
    return choose(job, count, isDurable, except).map(() => self);
  };
  const changed = replicator.changed.bind(replicator);
  replicator.changed = (record) => {
    changed(record);
    const own = record.holders.reduce(
      (bits, holder, position) => (position > 0 && holder === self ? bits | (1 << position) : bits),
      0,
    );
    forgive(record, own, owner);
  };
}

/** Nobody waits for these any more. */
function forgive(record: JobRecord, bits: number, owner: Jobs['owner']): void {
  if ((record.missing & bits) === 0) return;
  record.missing &= ~bits;
  if (record.missing === 0) owner.reached(record, true);
}

export function acceptingOldEpochs({ keeping: { custody, copies }, ledger }: Jobs): void {
  const known = (job: JobId): CopyRank | undefined => {
    const record = ledger.get(job);
    return record === undefined ? copies.get(job)?.copy : rankOf(record);
  };
  const merge = custody.merge.bind(custody);
  custody.merge = (copy, now) => {
    const rank = known(copy.spec.id);
    const isOld = rank !== undefined && copy.epoch < rank.epoch && compareRanks(rank, copy) > 0;
    const reason = merge(copy, now);
    return isOld && reason === 'fenced' ? null : reason;
  };
  custody.fenced = () => {};
}

export function repairingNothing({ keeping: { repair } }: Jobs): void {
  repair.membersChanged = () => {};
}

export function cancellingInWords(jobs: Jobs): void {
  const { owner } = jobs;
  const cancel = owner.cancel.bind(owner);
  owner.cancel = (record, asker, now) => {
    if (record.state === 'running') jobs.answer(asker, okReply());
    else cancel(record, asker, now);
  };
}

export function retryingInWords(jobs: Jobs): void {
  jobs.owner.retry = (_, asker) => jobs.answer(asker, okReply());
}

export function waitingForNobody({ owner, heldBack: { dependencies } }: Jobs): void {
  dependencies.begin = (record, now) => {
    record.awaits = [];
    owner.letStart(record, now);
  };
}

export function losingOthersJobs({ owner, ledger, heldBack: { dependencies } }: Jobs): void {
  const begin = dependencies.begin.bind(dependencies);
  dependencies.begin = (record, now) => {
    const lost = record.awaits.find((job) => ledger.get(job) === undefined);
    if (lost === undefined) begin(record, now);
    else owner.failHeldBack(record, { name: 'DependencyLost', message: lost }, now);
  };
}

export function sendingItemsOnce({ streaming: { items } }: Jobs): void {
  items.sendAgain = () => {};
}

export function countingBackWhatBegan({ owner: { ends } }: Jobs): void {
  ends.hasBegun = () => false;
}

export function schedulingForEver({ heldBack: { schedules } }: Jobs): void {
  schedules.forget = () => {};
}

export function schedulingAnew({ heldBack: { schedules } }: Jobs): void {
  const begin = schedules.begin.bind(schedules);
  schedules.begin = (record, now) => {
    const { cron, timeZone } = record.spec;
    record.notBeforeMs = schedules.nextTimeMs(cron as string, timeZone, now) ?? record.notBeforeMs;
    begin(record, now);
  };
}
