import type { NodeId } from '../ids.js';
import type { MemberRecord } from '../member.js';

/** In a larger cluster nobody tells its nodes apart by heart, and names would take memory. */
const namedMembersMax = 1_024;

/** Finds members that are called the same. Names are for people; nothing in the cluster itself depends on them. */
export class Namesakes {
  private readonly byName = new Map<string, NodeId>();

  constructor(private readonly members: () => ReadonlyMap<NodeId, MemberRecord>) {}

  /** An alive member with the name of this one, which is new or has a new name; null: there is none that is remembered. */
  of({ id, name, state }: MemberRecord): MemberRecord | null {
    const members = this.members();
    // Names of members that are long gone take places, too.
    if (members.size > namedMembersMax || this.byName.size > 2 * namedMembersMax) this.byName.clear();
    if (state !== 'alive' || members.size > namedMembersMax) return null;
    const known = this.byName.get(name);
    const other = known === undefined ? undefined : members.get(known);
    if (other?.id !== id && other?.name === name && other.state === 'alive') return other;
    this.byName.set(name, id);
    return null;
  }
}
