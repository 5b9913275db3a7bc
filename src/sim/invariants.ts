import type { NodeEffect, NodeEvent } from '../core/effects.js';
import type { NodeId } from '../core/ids.js';
import { defaultJobsConfig, type JobsConfig } from '../core/jobs/config.js';
import type { JobRecord } from '../core/jobs/record.js';
import { defaultLinksConfig, type LinksConfig } from '../core/links/config.js';
import { defaultMembershipConfig, type MembershipConfig } from '../core/membership/config.js';
import type { Membership } from '../core/membership/membership.js';
import { AfterInvariants } from './invariants-after.js';
import { CopyInvariants } from './invariants-copies.js';
import { JobInvariants } from './invariants-jobs.js';
import { LinkInvariants } from './invariants-links.js';
import { MembershipInvariants } from './invariants-membership.js';
import { ScheduleInvariants } from './invariants-schedules.js';
import { StreamInvariants } from './invariants-streams.js';
import { ToldInvariants } from './invariants-told.js';
import type { SimHooks } from './sim-hooks.js';
import type { SimNode } from './sim-node.js';
import { type Invariant, InvariantViolation, type ViolationPlace } from './violation.js';

export interface InvariantsOptions extends ViolationPlace {
  readonly membership?: Partial<MembershipConfig>;
  readonly links?: Partial<LinksConfig>;
  readonly jobs?: Partial<JobsConfig>;
}

/**
 * Checks, after every step of every node, all that must hold at every moment, and throws an `InvariantViolation` as soon as
 * something does not. A step costs what it changed. What must hold in the end only is asked for: `checkAgreement`.
 */
export class Invariants implements SimHooks {
  readonly membership: MembershipInvariants;
  readonly links: LinkInvariants;
  readonly jobs: JobInvariants;
  readonly copies: CopyInvariants;
  readonly after: AfterInvariants;
  readonly schedules: ScheduleInvariants;
  readonly told: ToldInvariants;
  readonly streams: StreamInvariants;

  constructor(private readonly options: InvariantsOptions) {
    const fail = (invariant: Invariant, node: string, what: string): never => {
      throw new InvariantViolation(invariant, node, what, options);
    };
    this.membership = new MembershipInvariants({
      config: { ...defaultMembershipConfig, ...options.membership },
      nowMs: options.nowMs,
      fail,
    });
    this.links = new LinkInvariants({ config: { ...defaultLinksConfig, ...options.links }, fail });
    const { nowMs } = options;
    this.copies = new CopyInvariants({ nowMs, before: (args) => this.after.before(args), fail });
    const { copies } = this;
    this.after = new AfterInvariants({ isGone: (job) => copies.isGone(job), fail });
    this.schedules = new ScheduleInvariants({ nowMs, copies, fail });
    this.told = new ToldInvariants({
      mayDiffer: (job) => copies.mayDiffer(job),
      wasAway: (node) => copies.wasAwayLately(node),
      fail,
    });
    this.streams = new StreamInvariants({ mayMiss: () => true, fail });
    this.jobs = new JobInvariants({ config: { ...defaultJobsConfig, ...options.jobs }, fail });
  }

  /** Nothing is wrong with any node or link, and nothing was for long enough that nobody still acts on it; or not so any more. */
  setCalm(isCalm: boolean): void {
    this.membership.isCalm = isCalm;
    this.jobs.isCalm = isCalm;
    this.schedules.setCalm(isCalm);
  }

  wrapMembership(node: SimNode, membership: Membership): Membership {
    return this.membership.watch(node, membership);
  }

  stepped(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void {
    this.membership.checkSuspicions(node);
    this.links.stepped(node, event, effects);
    this.jobs.stepped(node, event, effects);
    this.copies.stepped(node, event, effects);
    this.after.stepped(node, event, effects);
    this.schedules.stepped(node, event, effects);
    this.told.stepped(node, event, effects);
    this.streams.stepped(node, event, effects);
  }

  outcome(node: SimNode, record: JobRecord, isAdopted: boolean): void {
    this.copies.outcome(node, record, isAdopted);
    this.after.outcome(node, record);
  }

  fail(invariant: Invariant, node: string, what: string): never {
    throw new InvariantViolation(invariant, node, what, this.options);
  }
}

/** What keeps views from being equal and right: every live node is alive in each view, at its own incarnation, and nobody else is. */
export function disagreements(live: readonly SimNode[]): string[] {
  const selves = new Map(live.map((node) => [node.core.self().id, node] as const));
  return live.flatMap((seer) => [
    ...live.flatMap((seen) => describeView(seer, seen)),
    ...[...seer.core.members().values()].flatMap(({ id, name, state }) =>
      (state === 'alive' || state === 'suspect') && !selves.has(id)
        ? [`${seer.name} holds ${name} to be ${state}`]
        : [],
    ),
  ]);
}

function describeView(seer: SimNode, seen: SimNode): string[] {
  const self = seen.core.self();
  const known = seer.core.members().get(self.id);
  if (known?.state === 'alive' && known.incarnation === self.incarnation && known.instance === self.instance)
    return [];
  const held = known === undefined ? 'unknown' : `${known.state} at ${known.incarnation}`;
  return [`${seer.name} holds ${seen.name} to be ${held}, and it is alive at ${self.incarnation}`];
}

/** Pairs of live nodes that don't have exactly one link, by the account of either. */
export function unsettledPairs(live: readonly SimNode[], links: LinkInvariants): string[] {
  return live.flatMap((node) => {
    const counts = links.countsOf(node);
    return live.flatMap((peer) => {
      const count = peer === node ? 1 : (counts.get(peer.core.self().id as NodeId) ?? 0);
      return count === 1 ? [] : [`${node.name} has ${count} links to ${peer.name}`];
    });
  });
}
