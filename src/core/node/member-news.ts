import type { LogEffect } from '../effects.js';
import type { MemberRecord } from '../member.js';

/** Joins told at `info` in a minute; the rest is told at `debug`, since a peer can make up members as fast as it can send. */
export const joinsToldPerMinute = 256;

/** What an operator wants to read of members that change. */
export class MemberNews {
  private minuteEndsMs = 0;
  private joinCount = 0;

  /** Null when it is no news. */
  of(member: MemberRecord, previous: MemberRecord | null, nowMs: number): LogEffect | null {
    const news = newsOf(member, previous);
    if (news === null) return null;
    const { id, name, address, incarnation } = member;
    const isFlood = previous === null && member.state === 'alive' && !this.maySayJoin(nowMs);
    return {
      type: 'log',
      level: isFlood ? 'debug' : news.level,
      text: `${name} ${news.text}`,
      fields: { id, address, incarnation },
    };
  }

  private maySayJoin(nowMs: number): boolean {
    if (nowMs >= this.minuteEndsMs) {
      this.minuteEndsMs = nowMs + 60_000;
      this.joinCount = 0;
    }
    this.joinCount++;
    return this.joinCount <= joinsToldPerMinute;
  }
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
