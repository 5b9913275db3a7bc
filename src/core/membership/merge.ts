import type { MemberRecord, MemberState, TaskOffer } from '../member.js';

/**
 * At one incarnation a member only moves along this order. `left` is last, so that a node that said it leaves is not
 * taken for a dead one; nothing but a higher incarnation leads back to `alive`.
 */
const stateRanks: Readonly<Record<MemberState, number>> = { alive: 0, suspect: 1, dead: 2, left: 3 };

/**
 * Whether `news` replaces `known`: by incarnation, then by state. Records that are equal in both but not in content come only
 * from two nodes with one id; their text decides, so that the order is total and merging commutes all the same.
 */
export function supersedes(news: MemberRecord, known: MemberRecord): boolean {
  if (news.incarnation !== known.incarnation) return news.incarnation > known.incarnation;
  if (news.state !== known.state) return stateRanks[news.state] > stateRanks[known.state];
  // Most news is old: the same record again.
  return news !== known && !isSameContent(news, known) && contentText(news) > contentText(known);
}

/** Whether a state at an incarnation is news about a member of which `known` is known. */
export function isNews(state: MemberState, incarnation: number, known: MemberRecord): boolean {
  if (incarnation !== known.incarnation) return incarnation > known.incarnation;
  return stateRanks[state] > stateRanks[known.state];
}

/** Whether two texts of content would be equal, without writing them; false only costs the writing. */
function isSameContent(a: MemberRecord, b: MemberRecord): boolean {
  return (
    a.instance === b.instance &&
    a.name === b.name &&
    a.address === b.address &&
    a.client === b.client &&
    a.draining === b.draining &&
    a.journal === b.journal &&
    a.tags.length === b.tags.length &&
    a.tags.every(([key, value], index) => b.tags[index]?.[0] === key && b.tags[index]?.[1] === value) &&
    a.tasks.length === b.tasks.length &&
    a.tasks.every((task, index) => isSameTask(task, b.tasks[index] as TaskOffer))
  );
}

function isSameTask(a: TaskOffer, b: TaskOffer): boolean {
  return (
    a === b ||
    (a.name === b.name &&
      a.retries === b.retries &&
      a.timeoutMs === b.timeoutMs &&
      a.concurrency === b.concurrency)
  );
}

/** Field by field, so that the order of keys in an object decides nothing. */
function contentText(record: MemberRecord): string {
  const tasks = record.tasks.map((task) => [task.name, task.retries, task.timeoutMs, task.concurrency]);
  const { instance, name, address, client, tags, draining, journal } = record;
  return JSON.stringify([instance, name, address, client, tags, tasks, draining, journal]);
}
