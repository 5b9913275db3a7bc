import type { LogEffect } from '../effects.js';
import type { MemberRecord } from '../member.js';

/** What an operator wants to read of a member that changed, or null when it is no news. */
export function memberNews(member: MemberRecord, previous: MemberRecord | null): LogEffect | null {
  const news = newsOf(member, previous);
  if (news === null) return null;
  const { id, name, address, incarnation } = member;
  return {
    type: 'log',
    level: news.level,
    text: `${name} ${news.text}`,
    fields: { id, address, incarnation },
  };
}

function newsOf(
  member: MemberRecord,
  previous: MemberRecord | null,
): { level: LogEffect['level']; text: string } | null {
  const wasPresent = previous?.state === 'alive' || previous?.state === 'suspect';
  switch (member.state) {
    case 'alive':
      if (!wasPresent) return { level: 'info', text: previous === null ? 'has joined' : 'is back' };
      if (previous.instance !== member.instance) return { level: 'info', text: 'has restarted' };
      if (previous.state === 'suspect') return { level: 'debug', text: 'is not suspect any more' };
      if (previous.draining === member.draining) return null;
      return { level: 'info', text: member.draining ? 'drains' : 'takes jobs again' };
    case 'suspect':
      return previous?.state === 'suspect'
        ? null
        : { level: 'debug', text: 'is suspect: it does not answer' };
    case 'dead':
      return wasPresent ? { level: 'warn', text: 'is dead' } : null;
    case 'left':
      return wasPresent ? { level: 'info', text: 'has left' } : null;
  }
}
