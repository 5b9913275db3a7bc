import type { MemberRecord } from '../member.js';

/** A new incarnation that says nothing new about the node: it contradicts somebody. */
export function isRefutation(member: MemberRecord, previous: MemberRecord): boolean {
  return (
    member.incarnation > previous.incarnation &&
    member.instance === previous.instance &&
    member.draining === previous.draining &&
    member.journal === previous.journal &&
    member.tasks === previous.tasks
  );
}
