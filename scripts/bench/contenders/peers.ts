import type { Contender } from '../figures.js';

/** What people use today. */
export const peers: readonly Contender[] = [];

/** Installs what these systems need. */
export async function preparePeers(systems: readonly string[]): Promise<{
  readonly versions: Readonly<Record<string, string>>;
  readonly missing: readonly { readonly system: string; readonly reason: string }[];
}> {
  return {
    versions: {},
    missing: systems.map((system) => ({ system, reason: 'there is no such contender' })),
  };
}
