import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cluster, type ClusterNode, request, waitUntil } from './cluster.js';

/** A directory of tasks for tests: `hold` and `where`. */
export const testTasks = fileURLToPath(new URL('../../../test/support/tasks', import.meta.url));

/** A job that runs until the test releases it. */
export interface HoldJob {
  readonly id: string;
  /** What its handler wrote down: `started NODE ATTEMPT`, `aborted NODE ATTEMPT`, `released NODE ATTEMPT`. */
  notes(): string[];
  /** The node where attempt `attempt` of it has started; waits for that. */
  startedAt(attempt: number, timeoutMs?: number): Promise<string>;
  release(): void;
}

let jobCount = 0;

/** Submits a hold job with these options (`node=b` and so on) to a node. */
export async function submitHold(cluster: Cluster, to: ClusterNode, options = ''): Promise<HoldJob> {
  const path = join(cluster.directory, `hold-${++jobCount}`);
  const until = `${path}.release`;
  const notesPath = `${path}.notes`;
  const reply = await request(to, `SUBMIT hold ${options} ${JSON.stringify({ until, notes: notesPath })}`);
  const id = /^OK (\S+)/.exec(reply)?.[1];
  if (id === undefined) throw new Error(`SUBMIT hold: ${reply}`);
  const notes = (): string[] => {
    return existsSync(notesPath) ? readFileSync(notesPath, 'utf8').trimEnd().split('\n') : [];
  };
  const startOf = (attempt: number): string | undefined =>
    notes()
      .find((note) => note.startsWith('started') && note.endsWith(` ${attempt}`))
      ?.split(' ')[1];
  return {
    id,
    notes,
    startedAt: (attempt, timeoutMs = 5_000) =>
      waitUntil(`attempt ${attempt} of ${id} has started`, () => startOf(attempt), { timeoutMs }),
    release: () => writeFileSync(until, ''),
  };
}
