import type { NodeId } from '../ids.js';
import type { MemberRecord, Tags } from '../member.js';

/** What a job asks of the node that runs it. */
export interface Demand {
  readonly task: string;
  readonly on: Tags;
  /** A node's name. */
  readonly node: string | null;
}

/** The nodes that may run such a job now, in order of id, so that every walk round them meets them in the same order. */
export function candidatesFor(demand: Demand, members: Iterable<MemberRecord>): NodeId[] {
  const candidates: NodeId[] = [];
  for (const member of members) {
    if (member.state === 'alive' && !member.draining && meets(demand, member)) candidates.push(member.id);
  }
  return candidates.sort();
}

/** Whether this member could run such a job, whatever its state is just now. */
export function meets(demand: Demand, member: MemberRecord): boolean {
  return (
    (demand.node === null || demand.node === member.name) &&
    member.tasks.some((task) => task.name === demand.task) &&
    demand.on.every(([key, value]) => member.tags.some(([k, v]) => k === key && v === value))
  );
}

/** Why no node may run such a job now, as a sentence; null when one may, and only its room is waited for. */
export function whyNobody(demand: Demand, members: Iterable<MemberRecord>): string | null {
  const present = [...members].filter(({ state }) => state === 'alive' || state === 'suspect');
  const fit = present.filter((member) => meets(demand, member));
  if (fit.some((member) => !member.draining)) return null;
  if (fit.length > 0) return `${fit.map(({ name }) => name).join(', ')} could run it, but drains`;
  if (demand.node !== null && !present.some(({ name }) => name === demand.node)) {
    return `node ${demand.node} is not there`;
  }
  // A node that takes jobs offers the built-in tasks at least.
  if (
    demand.node !== null &&
    present.every(({ name, tasks }) => name !== demand.node || tasks.length === 0)
  ) {
    return `node ${demand.node} takes no jobs: its concurrency is 0`;
  }
  const tags = demand.on.map(([key, value]) => `${key}=${value}`).join(' ');
  const where = demand.node === null ? 'no node' : `node ${demand.node} does not`;
  const offers = demand.node === null ? `offers ${demand.task}` : `offer ${demand.task}`;
  return tags === '' ? `${where} ${offers}` : `${where} ${offers} and has the tags ${tags}`;
}
