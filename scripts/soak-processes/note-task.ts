import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from './history.js';

/** The task that all jobs of a soak are of. */
export const noteTask = 'note';

/**
 * Writes the task's file, and gives the directory for `--tasks`. Each run appends a line to its node's file by one write, so no
 * kill can leave half of one, and none waits for a node that is stopped.
 */
export function writeNoteTask(directory: string): string {
  const tasks = join(directory, 'tasks');
  mkdirSync(tasks);
  mkdirSync(runsIn(directory));
  const text = `import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const runs = ${JSON.stringify(runsIn(directory))};

/** Notes that it runs, and takes \`ms\`. */
export default async function note({ n, ms }, { node, attempt, signal }) {
  appendFileSync(\`\${runs}/\${node}\`, \`\${n} \${attempt} \${node} \${Date.now()}\\n\`);
  if (ms > 0) await delay(ms, undefined, { signal });
  return { n };
}
`;
  writeFileSync(join(tasks, `${noteTask}.mjs`), text);
  return tasks;
}

/** All runs that were noted. A line that is none is a fault of the soak itself. */
export function readRuns(directory: string): Run[] {
  return readdirSync(runsIn(directory)).flatMap((node) =>
    readFileSync(join(runsIn(directory), node), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map(parseRun),
  );
}

function parseRun(line: string): Run {
  const [, number, attempt, node, atMs] = /^(\d+) (\d+) (\S+) (\d+)$/.exec(line) ?? [];
  if (node === undefined) throw new Error(`a run was noted as ${JSON.stringify(line)}`);
  return { number: Number(number), attempt: Number(attempt), node, atMs: Number(atMs) };
}

function runsIn(directory: string): string {
  return join(directory, 'runs');
}
