import type { LogEffect } from '../effects.js';
import type { MemberRecord } from '../member.js';

/** Joins and deaths told in a minute; the rest is told at `debug`, since a peer can make up members as fast as it can send. */
export const joinsToldPerMinute = 256;

/** What an operator wants to read of members that change. */
export class MemberNews {
  private minuteEndsMs = 0;
  private readonly counts = { joins: 0, deaths: 0 };

  /** Null when it is no news. */
  of(member: MemberRecord, previous: MemberRecord | null, nowMs: number): LogEffect | null {
    const news = newsOf(member, previous);
    if (news === null) return null;
    const { id, name, address, incarnation } = member;
    const isJoin = previous === null && member.state === 'alive';
    const isFlood = (isJoin || member.state === 'dead') && !this.maySay(isJoin ? 'joins' : 'deaths', nowMs);
    return {
      type: 'log',
      level: isFlood ? 'debug' : news.level,
      text: `${name} ${news.text}`,
      fields: { id, address, incarnation },
    };
  }

  /** Each has its own count: many joins hide no death. */
  private maySay(what: 'joins' | 'deaths', nowMs: number): boolean {
    if (nowMs >= this.minuteEndsMs) {
      this.minuteEndsMs = nowMs + 60_000;
      this.counts.joins = 0;
      this.counts.deaths = 0;
    }
    this.counts[what]++;
    return this.counts[what] <= joinsToldPerMinute;
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
