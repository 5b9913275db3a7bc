import type { NodeCommand } from '../commands.js';
import type { Instant } from '../instant.js';
import type { Copies } from '../jobs/copies.js';
import type { Jobs } from '../jobs/jobs.js';
import type { MemberView } from '../jobs/member-view.js';
import type { Asker } from '../jobs/record.js';
import type { MemberRecord, MemberState } from '../member.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import type { Topics } from '../topics/topics.js';
import type { DeparturePlan } from './departure.js';
import type { NodeCoreOptions } from './node-core.js';

export interface ClusterRequestsOptions {
  readonly options: NodeCoreOptions;
  readonly members: MemberView;
  readonly jobs: Jobs;
  readonly topics: Topics;
  readonly linkCount: () => number;
  readonly countMembers: () => Record<MemberState, number>;
  readonly setDraining: (draining: boolean, now: Instant) => void;
  readonly leave: (now: Instant, planned: (plan: DeparturePlan) => void) => void;
  readonly isLeaving: () => boolean;
}

/** What clients ask about nodes and not about jobs: NODES, TASKS, INFO, DRAIN, RESUME, LEAVE. */
export class ClusterRequests {
  private startedAtMs = 0;

  constructor(private readonly parts: ClusterRequestsOptions) {}

  /** False when the command is about jobs. */
  handle(command: NodeCommand, asker: Asker, now: Instant): boolean {
    switch (command.type) {
      case 'nodes':
        this.answer(asker, okReply(JSON.stringify(this.describeNodes())));
        return true;
      case 'tasks':
        this.answer(asker, okReply(JSON.stringify(this.describeTasks())));
        return true;
      case 'info':
        this.answer(asker, okReply(JSON.stringify(this.describeSelf(now))));
        return true;
      case 'drain':
      case 'resume':
        this.drainOrResume(command, asker, now);
        return true;
      case 'leave':
        this.parts.leave(now, (plan) => this.answer(asker, okReply(JSON.stringify(plan))));
        return true;
      default:
        return false;
    }
  }

  /** Uptime counts from here. */
  start(now: Instant): void {
    this.startedAtMs = now.monotonicMs;
  }

  /** The INFO object of PROTOCOL.md. */
  describeSelf(now: Instant): Record<string, unknown> {
    const { options, members, jobs, topics } = this.parts;
    const self = members.self();
    return {
      name: self.name,
      id: self.id,
      version: options.version,
      cluster: options.cluster,
      incarnation: self.incarnation,
      address: self.address,
      client: self.client,
      draining: self.draining,
      journal: self.journal ?? null,
      uptimeMs: Math.round(now.monotonicMs - this.startedAtMs),
      concurrency: options.jobs.concurrency,
      running: jobs.executor.heldCount,
      links: this.parts.linkCount(),
      members: this.parts.countMembers(),
      jobs: { ...jobs.counts() },
      jobBytes: jobs.ledger.bytes,
      held: heldOf(jobs.keeping.copies),
      totals: { ...jobs.owner.totals },
      topics: topics.counts(),
    };
  }

  private describeNodes(): Record<string, unknown>[] {
    return [...this.parts.members.all()].sort(byName).map((member) => ({
      id: member.id,
      name: member.name,
      state: member.state,
      incarnation: member.incarnation,
      address: member.address,
      client: member.client,
      tags: Object.fromEntries(member.tags),
      tasks: member.tasks.map(({ name }) => name),
      draining: member.draining,
      journal: member.journal ?? null,
    }));
  }

  private describeTasks(): Record<string, unknown>[] {
    const nodesOf = new Map<string, string[]>();
    for (const member of [...this.parts.members.all()].sort(byName)) {
      if (member.state !== 'alive' && member.state !== 'suspect') continue;
      for (const { name } of member.tasks) {
        const nodes = nodesOf.get(name);
        if (nodes === undefined) nodesOf.set(name, [member.name]);
        else nodes.push(member.name);
      }
    }
    return [...nodesOf].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, nodes]) => ({ name, nodes }));
  }

  private drainOrResume(
    command: Extract<NodeCommand, { type: 'drain' | 'resume' }>,
    asker: Asker,
    now: Instant,
  ): void {
    const { members, jobs, setDraining, isLeaving } = this.parts;
    const self = members.self();
    if (asker.type === 'peer' || command.node === null || command.node === self.name) {
      if (command.type === 'resume' && isLeaving()) {
        this.answer(
          asker,
          errorReply('DRAINING', `node ${self.name} is leaving, and can't be stopped from it`),
        );
        return;
      }
      setDraining(command.type === 'drain', now);
      this.answer(asker, okReply());
      return;
    }
    const target = [...members.all()].find(
      ({ name, state }) => name === command.node && (state === 'alive' || state === 'suspect'),
    );
    if (target === undefined) {
      this.answer(asker, errorReply('NO_SUCH_NODE', `no member is called ${command.node}; NODES lists them`));
      return;
    }
    jobs.passOn(target.id, command, asker, now);
  }

  private answer(asker: Asker, reply: Reply): void {
    this.parts.jobs.answer(asker, reply);
  }
}

/** Jobs of other owners. */
function heldOf({ size, waitingCount, bytes }: Copies): Record<string, number> {
  return { unfinished: waitingCount, finished: size - waitingCount, bytes };
}

function byName(a: MemberRecord, b: MemberRecord): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1;
}
