import type { NodeId } from '../ids.js';
import { isPresent, type MemberRecord } from '../member.js';

/** What the job core knows of the cluster, kept by membership. */
export interface MemberView {
  self(): MemberRecord;
  get(node: NodeId): MemberRecord | undefined;
  all(): Iterable<MemberRecord>;
}

/** Whether a node is a member that takes part. */
export function isThere(members: MemberView, node: NodeId): boolean {
  const member = members.get(node);
  return member !== undefined && isPresent(member);
}

/** Whether this node knows of no other one. */
export function isAlone(members: MemberView): boolean {
  const { id } = members.self();
  for (const member of members.all()) if (member.id !== id) return false;
  return true;
}
