import type { LogEffect } from '../effects.js';
import type { NodeId } from '../ids.js';
import { isPresent, type MemberRecord } from '../member.js';

/** In a larger cluster nobody tells its nodes apart by heart, and names would take memory. */
const namedMembersMax = 1_024;

/** Finds members that are called the same. Names are for people; nothing in the cluster itself depends on them. */
export class Namesakes {
  private readonly byName = new Map<string, Set<NodeId>>();
  /** In all of them. */
  private idCount = 0;

  constructor(private readonly members: () => ReadonlyMap<NodeId, MemberRecord>) {}

  /** A member that takes part and has the name of this one, which is new or has a new name; null: there is none that is remembered. */
  of(member: MemberRecord): MemberRecord | null {
    const { id, name } = member;
    const members = this.members();
    // Names of members that are long gone take places, too.
    if (members.size > namedMembersMax || this.idCount > 2 * namedMembersMax) this.clear();
    if (!isPresent(member) || members.size > namedMembersMax) return null;
    const ids = this.byName.get(name) ?? new Set();
    this.byName.set(name, ids);
    if (!ids.has(id)) this.idCount++;
    ids.add(id);
    for (const other of ids) {
      const known = members.get(other);
      if (other !== id && known?.name === name && isPresent(known)) return known;
    }
    return null;
  }

  /** What an operator is to be told of it; null: no other one is called so. */
  newsOf(member: MemberRecord): LogEffect | null {
    const other = this.of(member);
    if (other === null) return null;
    const { name, address } = member;
    const text = `two nodes are called ${name}: give one of them another --name, or node=${name} may mean either`;
    return { type: 'log', level: 'warn', text, fields: { addresses: [address, other.address] } };
  }

  private clear(): void {
    this.byName.clear();
    this.idCount = 0;
  }
}
