import type { JobId, NodeId } from '../ids.js';
import { isPresent, type MemberRecord } from '../member.js';
import { rendezvousTop } from '../routing/rendezvous.js';
import type { MemberView } from './member-view.js';

export interface PlacementOptions {
  readonly self: NodeId;
  readonly members: MemberView;
}

/** Which other nodes are to hold a job of this one: the first in rendezvous order of its id that can. */
export class Placement {
  /** Rises whenever members have changed. */
  version = 0;
  private durable: NodeId[] | null = null;
  private any: NodeId[] | null = null;

  constructor(private readonly options: PlacementOptions) {}

  membersChanged(): void {
    this.version++;
    this.durable = null;
    this.any = null;
  }

  /** How many others could hold a job now. */
  othersFor(isDurable: boolean): number {
    return this.eligible(isDurable).length;
  }

  /** How many nodes could hold a job now, this one among them. */
  get nodeCount(): number {
    return this.othersFor(false) + (canHold(this.options.members.self(), false) ? 1 : 0);
  }

  /** At most so many, without those that have refused. */
  choose(job: JobId, count: number, isDurable: boolean, except: readonly NodeId[] = []): readonly NodeId[] {
    if (count <= 0) return [];
    const nodes = this.eligible(isDurable);
    return rendezvousTop(
      job,
      except.length === 0 ? nodes : nodes.filter((node) => !except.includes(node)),
      count,
    );
  }

  /** Whether a node that holds a job may go on to. One that is suspect may only be slow. */
  mayKeep(node: NodeId, isDurable: boolean): boolean {
    const member = this.options.members.get(node);
    return member !== undefined && isPresent(member) && canHold(member, isDurable);
  }

  /** Whether one that has a job could go on holding it, for want of a better one: also while it drains. */
  mayStay(node: NodeId, isDurable: boolean): boolean {
    const member = this.options.members.get(node);
    if (node === this.options.self || member?.state !== 'alive') return false;
    return canHold({ ...member, draining: false }, isDurable);
  }

  /** It may be gone: nothing is taken from it, and nothing given. */
  isDoubted(node: NodeId): boolean {
    return this.options.members.get(node)?.state === 'suspect';
  }

  private eligible(isDurable: boolean): NodeId[] {
    const known = isDurable ? this.durable : this.any;
    if (known !== null) return known;
    const nodes: NodeId[] = [];
    for (const member of this.options.members.all()) {
      if (member.id !== this.options.self && member.state === 'alive' && canHold(member, isDurable))
        nodes.push(member.id);
    }
    if (isDurable) this.durable = nodes;
    else this.any = nodes;
    return nodes;
  }
}

function canHold({ draining, journal }: MemberRecord, isDurable: boolean): boolean {
  return !draining && journal !== 'failed' && (!isDurable || journal === 'open');
}
