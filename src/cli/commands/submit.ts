import type { Client } from '../../client/client.js';
import type { ClientRequest } from '../../client/request-line.js';
import { type AcceptedJob, acceptedOf } from '../../library/submission.js';
import { type ClientFlags, withClient } from '../client-options.js';
import { textOf, usageError } from '../failure.js';
import { type PayloadFlags, readPayload } from '../payload-argument.js';
import { type SubmitFlags, submitOptionsOf } from '../submit-options.js';

interface SubmitCommandFlags extends ClientFlags, SubmitFlags, PayloadFlags {
  readonly json?: boolean;
}

/** `rondo submit`: prints the id alone, or the whole promise with `--json`. */
export async function submit(
  task: string,
  argument: string | undefined,
  flags: SubmitCommandFlags,
): Promise<void> {
  const payload = await readPayload(argument, flags);
  const job = await withClient(flags, (client) =>
    submitJob(client, submission(client, { task, payload, flags })),
  );
  process.stdout.write(`${flags.json ? JSON.stringify(job) : job.id}\n`);
}

/** The request that submits a job, with the key by which it can be sent again, if it has one. */
export function submission(
  client: Client,
  job: { readonly task: string; readonly payload: string | Uint8Array | null; readonly flags: SubmitFlags },
  verb: 'SUBMIT' | 'SCHEDULE' = 'SUBMIT',
): ClientRequest {
  const options = submitOptionsOf(job.flags);
  return client.keyed({ verb, operands: [job.task], options, payload: job.payload });
}

/** `rondo schedule`: prints the id of the schedule. */
export async function schedule(
  task: string,
  cron: string,
  argument: string | undefined,
  flags: SubmitCommandFlags,
): Promise<void> {
  const payload = await readPayload(argument, flags);
  if (cron.trim() === '')
    throw usageError("CRON is empty: give the times, for example '30 8 * * MON-FRI' or @hourly");
  const fields = cron.trim().split(/\s+/).join('_');
  const job = { task, payload, flags: { ...flags, cron: fields } };
  const accepted = await withClient(flags, (client) =>
    submitJob(client, submission(client, job, 'SCHEDULE')),
  );
  process.stdout.write(`${flags.json ? JSON.stringify(accepted) : accepted.id}\n`);
}

/** Submits a job. Throws what the node refused. */
export async function submitJob(client: Client, request: ClientRequest): Promise<AcceptedJob> {
  return acceptedOf(textOf(await client.request(request)));
}
