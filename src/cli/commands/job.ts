import { RondoError } from '../../core/errors.js';
import { jobIdPattern } from '../../core/ids.js';
import { jobRequest } from '../../library/submission.js';
import { type ClientFlags, withClient } from '../client-options.js';
import { parsedOf, textOf, usageError } from '../failure.js';
import { reportOutcome } from '../outcome.js';
import { oneLine, printFields } from '../terminal.js';

type JobFlags = ClientFlags & { readonly json?: boolean };

/** `rondo status`: everything that is known of a job. */
export async function status(id: string, flags: JobFlags): Promise<void> {
  const text = textOf(await askAbout('STATUS', id, flags));
  if (flags.json) {
    process.stdout.write(`${text}\n`);
    return;
  }
  const fields = parsedOf({ ok: true, text }) as Record<string, unknown>;
  printFields(Object.entries(fields).map(([name, value]) => [name, statusCell(name, value)]));
}

/** `rondo wait`: prints the outcome, as `rondo run` does. */
export async function wait(id: string, flags: JobFlags & { readonly timeout?: string }): Promise<void> {
  const options = flags.timeout === undefined ? [] : [['timeout', flags.timeout] as const];
  const reply = await askAbout('WAIT', id, flags, options);
  if (!reply.ok && reply.code === 'TIMEOUT') {
    throw new RondoError('TIMEOUT', `job ${id} is not finished after ${flags.timeout}; it goes on`);
  }
  reportOutcome(id, reply, flags.json === true ? { fields: '' } : null);
}

/** `rondo cancel` */
export async function cancel(id: string, flags: JobFlags): Promise<void> {
  textOf(await askAbout('CANCEL', id, flags));
  process.stdout.write(`job ${id} is cancelled\n`);
}

/** `rondo retry` */
export async function retry(id: string, flags: JobFlags): Promise<void> {
  textOf(await askAbout('RETRY', id, flags));
  process.stdout.write(`job ${id} runs again; its outcome: rondo wait ${id}\n`);
}

function askAbout(
  verb: Parameters<typeof jobRequest>[0],
  id: string,
  flags: ClientFlags,
  options: readonly (readonly [string, string])[] = [],
) {
  checkJobId(id);
  return withClient(flags, (client) => client.request(jobRequest(verb, id, options)));
}

/** Throws for what can't be a job's id. */
export function checkJobId(id: string): void {
  if (jobIdPattern.test(id)) return;
  throw usageError(
    `${JSON.stringify(id)} is no job id: take it from \`rondo submit\` or \`rondo jobs\`; that of a job with a key begins with key-, and submitting with the same --key again prints it`,
  );
}

function statusCell(name: string, value: unknown): string {
  if (name === 'error' && typeof value === 'object' && value !== null && 'message' in value) {
    return `${oneLine((value as { name?: unknown }).name)}: ${oneLine(value.message)}`;
  }
  return oneLine(value);
}
