import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { CommandTask, NodeConfig } from './config.js';

/** Something that keeps no node from starting, and that its operator should know all the same. */
export interface StartWarning {
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Whoever is not its owner and may read it. */
const othersMayRead = 0o044;

/** What is wrong beside the configuration itself: programs and directories that are not there, a key that others can read. */
export function startWarnings(config: NodeConfig, env: NodeJS.ProcessEnv): StartWarning[] {
  const warnings: StartWarning[] = [];
  for (const task of config.commands) {
    if (!isDirectory(task.cwd)) {
      const text = `The directory ${task.cwd} of the task ${task.name} is not there: its jobs will fail`;
      warnings.push({ text, fields: { task: task.name, cwd: task.cwd } });
      continue;
    }
    if (isThere(task, env)) continue;
    const [program = ''] = task.command;
    const text = `The program ${program} of the task ${task.name} can't be run: its jobs will fail`;
    warnings.push({ text, fields: { task: task.name, program } });
  }
  if (config.keyFile !== null && isOpenToOthers(config.keyFile)) {
    const text = `The key file ${config.keyFile} can be read by other users of this machine: give it to its owner alone with chmod 600`;
    warnings.push({ text, fields: { keyFile: config.keyFile } });
  }
  return warnings;
}

/** Of jobs that a start without a journal leaves behind in the one that the node has had before. */
export async function unusedJournalWarnings({ unusedData }: NodeConfig): Promise<StartWarning[]> {
  if (unusedData === null) return [];
  // Only now, as no other start has a use for it.
  const { countUnfinishedJobs, unfinishedCountMax } = await import('../store/unfinished-jobs.js');
  const jobs = countUnfinishedJobs(unusedData);
  if (jobs === 0) return [];
  const count = `${jobs < unfinishedCountMax ? '' : 'at least '}${jobs} unfinished job${jobs === 1 ? '' : 's'}`;
  const text =
    `The journal in ${unusedData} has ${count}, and this node, which keeps none (--no-journal), leaves that alone: ` +
    'start it with its journal to go on there, or remove the directory if nobody needs it';
  return [{ text, fields: { data: unusedData, jobs } }];
}

/** Looked for where it will be: a path from the task's directory, a name on its PATH. */
function isThere({ command, cwd, env: added }: CommandTask, env: NodeJS.ProcessEnv): boolean {
  const [program = ''] = command;
  if (program.includes('/')) return isExecutable(resolve(cwd, program));
  const path = Object.fromEntries(added).PATH ?? env.PATH ?? '';
  return path.split(delimiter).some((directory) => isExecutable(join(resolve(cwd, directory), program)));
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A file that is gone or a system without such rights is not warned of. */
function isOpenToOthers(path: string): boolean {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  return process.platform !== 'win32' && (mode & othersMayRead) !== 0;
}
