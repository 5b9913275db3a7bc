import type { DiskStep } from '../core/durable-steps.js';
import type { NodeId } from '../core/ids.js';
import type { Jobs } from '../core/jobs/jobs.js';
import type { MemberRecord } from '../core/member.js';
import type { MembershipConfig } from '../core/membership/config.js';
import type { Membership, MembershipEffect, MembershipEvent } from '../core/membership/membership.js';
import type { MembershipMessage, Rumour } from '../core/messages.js';
import * as spoilJobs from './sabotage-jobs.js';

/** A way to spoil nodes on purpose, so that a checker can be seen to find it. It exists in the simulator alone. */
export interface Sabotage {
  readonly membership?: Partial<MembershipConfig>;
  spoil?(membership: Membership): Membership;
  spoilJobs?(jobs: Jobs, self: NodeId): void;
  /** Its journal says that a write is on disk before it is. */
  readonly skipsJournalSync?: boolean;
  /** What a node does not do when it counts its start on disk. */
  skipsStep?(step: DiskStep): boolean;
}

export const sabotages = {
  /** The dead are forgotten as soon as they can be, so a late rumour brings them back. */
  dropTombstones: { membership: { forgetMs: 0 } },
  /** Views are never compared. */
  noRepair: { spoil: (membership) => withoutRepair(membership) },
  /** A suspect that doesn't refute stays one. */
  endlessSuspicion: {
    membership: { suspicionMultiplier: 1e9, resetSuspicionMs: 1e12, refusedSuspicionMs: 1e12 },
  },
  /** Whatever is told last is believed, however old it is. */
  acceptOldIncarnation: { spoil: (membership) => believingAnything(membership) },
  /** It says that it is alive, at the incarnation at which it is suspect. */
  refuteWithoutRaising: { spoil: (membership) => refutingInVain(membership) },
  /** The count of starts is written, and not synced. */
  skipStartSync: { skipsStep: ({ type }) => type === 'sync' || type === 'sync_directory' },
  /** A client is told that its job is kept, and only then is it. */
  acknowledgeBeforeCopying: { spoilJobs: spoilJobs.acknowledgingBeforeCopying },
  /** One of the nodes that are to have a job need not have answered. */
  acknowledgeAtCopiesMinusOne: { spoilJobs: spoilJobs.waitingForAllButOne },
  /** An owner that has been replaced goes on, and what it says of a job is taken like the word of any other. */
  acceptOldEpoch: { spoilJobs: spoilJobs.acceptingOldEpochs },
  /** The owner counts as each of the nodes that are to hold a job. */
  twoCopiesOnOneNode: { spoilJobs: spoilJobs.holdingTwiceItself },
  skipJournalSync: { skipsJournalSync: true },
  /** Nobody looks whether the holders of a job are still there. */
  noCopyRepair: { spoilJobs: spoilJobs.repairingNothing },
  /** A client is told that its job is cancelled, and the job runs on. */
  cancelInWords: { spoilJobs: spoilJobs.cancellingInWords },
  /** A client is told that its job is put back, and it isn't. */
  retryInWords: { spoilJobs: spoilJobs.retryingInWords },
  /** A job doesn't wait for those that it comes after. */
  waitForNobody: { spoilJobs: spoilJobs.waitingForNobody },
  /** A job that another node owns counts as lost where one comes after it. */
  loseOthersJobs: { spoilJobs: spoilJobs.losingOthersJobs },
  /** A schedule that is cancelled goes on. */
  scheduleForEver: { spoilJobs: spoilJobs.schedulingForEver },
  /** The next owner of a schedule leaves out what the one before has missed. */
  scheduleAnew: { spoilJobs: spoilJobs.schedulingAnew },
  /** What may be lost with a link on its way to who follows a job is not sent again. */
  sendItemsOnce: { spoilJobs: spoilJobs.sendingItemsOnce },
  /** A run that has begun, and was stopped, is followed by another one under its number. */
  countBackWhatBegan: { spoilJobs: spoilJobs.countingBackWhatBegan },
} as const satisfies Readonly<Record<string, Sabotage>>;

export type SabotageName = keyof typeof sabotages;

type Step = Membership['step'];

function withStep(membership: Membership, step: Step): Membership {
  return {
    step,
    nextDeadlineMs: () => membership.nextDeadlineMs(),
    members: () => membership.members(),
    self: () => membership.self(),
    healthScore: () => membership.healthScore(),
  };
}

function withoutRepair(membership: Membership): Membership {
  return withStep(membership, (event, nowMs) => {
    const known = new Set(membership.members().keys());
    return membership.step(event, nowMs).filter((effect) => !isRepair(effect, known));
  });
}

/** Whoever comes for the first time must be told who is there; all that is for later is left out. */
function isRepair(effect: MembershipEffect, known: ReadonlySet<NodeId>): boolean {
  if (effect.type !== 'send') return false;
  const { to, message } = effect;
  return message.type === 'digest' || (message.type === 'sync' && message.answerWanted && known.has(to));
}

function believingAnything(membership: Membership): Membership {
  return withStep(membership, (event, nowMs) => {
    const before = new Map(rumoursOf(event).flatMap((rumour) => outdatedBy(membership, rumour)));
    const effects = membership.step(event, nowMs);
    const believed = [...before].map(([id, member]): MembershipEffect => {
      const previous = membership.members().get(id) ?? null;
      return { type: 'member_changed', member, previous };
    });
    return [...effects, ...believed];
  });
}

function outdatedBy(membership: Membership, rumour: Rumour): [NodeId, MemberRecord][] {
  if (rumour.type !== 'alive') return [];
  const known = membership.members().get(rumour.member.id);
  const isOld = known !== undefined && rumour.member.incarnation < known.incarnation;
  return isOld && known.id !== membership.self().id ? [[known.id, rumour.member]] : [];
}

function refutingInVain(membership: Membership): Membership {
  return withStep(membership, (event, nowMs) => {
    if (event.type !== 'message') return membership.step(event, nowMs);
    const { message, isAccused } = withoutAccusation(event.message, membership.self().id);
    const effects = membership.step({ ...event, message }, nowMs);
    if (!isAccused) return effects;
    const rumours: Rumour[] = [{ type: 'alive', member: membership.self() }];
    return [...effects, { type: 'send', to: event.from, message: { type: 'gossip', rumours } }];
  });
}

function withoutAccusation(
  message: MembershipMessage,
  id: NodeId,
): { message: MembershipMessage; isAccused: boolean } {
  if (!('rumours' in message)) return { message, isAccused: false };
  const rumours = message.rumours.filter((rumour) => rumour.type === 'alive' || rumour.node !== id);
  return { message: { ...message, rumours }, isAccused: rumours.length < message.rumours.length };
}

function rumoursOf(event: MembershipEvent): readonly Rumour[] {
  return event.type === 'message' && 'rumours' in event.message ? event.message.rumours : [];
}
