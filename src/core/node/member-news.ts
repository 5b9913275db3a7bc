import type { LogEffect } from '../effects.js';
import type { MemberRecord } from '../member.js';

/** News of one kind that are told in a minute; the rest is told at `debug`, since a peer can make up members as fast as it can send. */
export const newsToldPerMinute = 256;

/** What an operator wants to read of members that change. */
export class MemberNews {
  private minuteEndsMs = 0;
  /** By their text. Each has its own count: many joins hide no death. */
  private readonly counts = new Map<string, number>();

  of(member: MemberRecord, previous: MemberRecord | null, nowMs: number): LogEffect[] {
    const news = newsOf(member, previous);
    if (news === null) return [];
    const { id, name, address, incarnation } = member;
    const fields = { id, address, incarnation };
    const told: LogEffect = { type: 'log', level: news.level, text: `${name} ${news.text}`, fields };
    if (news.level === 'debug') return [told];
    const count = this.count(news.text, nowMs);
    if (count <= newsToldPerMinute) return [told];
    const rest: LogEffect = { ...told, level: 'debug' };
    if (count > newsToldPerMinute + 1) return [rest];
    const text = `more than ${newsToldPerMinute} members in a minute: "${news.text}" is not told of the rest; rondo nodes lists them`;
    return [{ type: 'log', level: news.level, text, fields: {} }, rest];
  }

  /** How many of them there were in the minute, this one included. */
  private count(text: string, nowMs: number): number {
    if (nowMs >= this.minuteEndsMs) {
      this.minuteEndsMs = nowMs + 60_000;
      this.counts.clear();
    }
    const count = (this.counts.get(text) ?? 0) + 1;
    this.counts.set(text, count);
    return count;
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
