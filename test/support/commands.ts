import { defaultSubmitOptions, type SubmitCommand, type SubmitOptions } from '../../src/core/commands.js';

/** SUBMIT of an `echo` of 1, where nothing else is said. */
export function submitCommand(
  options: Partial<SubmitOptions> = {},
  change: { task?: string; args?: string; wait?: boolean } = {},
): SubmitCommand {
  const { task = 'echo', args = '1', wait = false } = change;
  return { type: 'submit', wait, task, args, options: { ...defaultSubmitOptions, ...options } };
}

/** The same as RUN: its answer is the outcome. */
export function runCommand(options: Partial<SubmitOptions> = {}, args = '1'): SubmitCommand {
  return submitCommand(options, { wait: true, args });
}
