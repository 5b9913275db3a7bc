import type { AttemptStart } from '../core/effects.js';

/** What a command task finds in its environment about the attempt that it is. */
export function attemptVariables({ job, attempt, task }: AttemptStart, node: string): AttemptVariables {
  return {
    RONDO_JOB_ID: job,
    RONDO_ATTEMPT: String(attempt),
    RONDO_TASK: task,
    RONDO_NODE_NAME: node,
  };
}

/** Their names: a command task may itself start a node, which then finds them. */
export const attemptVariableNames = [
  'RONDO_JOB_ID',
  'RONDO_ATTEMPT',
  'RONDO_TASK',
  'RONDO_NODE_NAME',
] as const;

type AttemptVariables = Readonly<Record<(typeof attemptVariableNames)[number], string>>;
