import { readdirSync, readFileSync } from 'node:fs';

/** How long a group may take to end by itself once its first process has. */
const groupEndMs = 1_000;
const pollMs = 50;

/** Ends every process of the group at once. Harmless when there is none. */
export function endGroup(groupId: number | undefined): void {
  if (groupId === undefined) return;
  try {
    process.kill(-groupId, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The commands of those that are still running after a moment's grace; always none where there is no /proc. */
export async function membersOfGroup(groupId: number | undefined): Promise<string[]> {
  if (groupId === undefined || process.platform !== 'linux') return [];
  const deadlineMs = Date.now() + groupEndMs;
  let members = listMembers(groupId);
  while (members.length > 0 && Date.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    members = listMembers(groupId);
  }
  return members;
}

function listMembers(groupId: number): string[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      // pid (command) state parent group ...; the command may hold anything, so read behind its last bracket.
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(group) !== groupId || state === 'Z') return [];
      return [`${entry}: ${readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()}`];
    } catch {
      return []; // It ended while we looked.
    }
  });
}
