import type { MemberRecord } from '../member.js';
import type { NodeCoreOptions } from './node-core.js';

/** What a node says of itself at its start. */
export function selfRecord(options: NodeCoreOptions): MemberRecord {
  const { id, name, instance, incarnation, address, client, tags, tasks } = options;
  const facts = { id, name, instance, incarnation, address, client, tags, tasks };
  const journal = options.journal == null ? {} : { journal: 'open' as const };
  return { ...facts, state: 'alive', draining: false, ...journal };
}
