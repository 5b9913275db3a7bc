import { followJob } from '../../client/follow-job.js';
import type { JobItem } from '../../client/watch-place.js';
import { jobRequest } from '../../library/submission.js';
import { type ClientFlags, withClient } from '../client-options.js';
import { printable } from '../failure.js';
import { JobOutput, stateWords } from '../job-output.js';
import { checkJobId } from './job.js';

/** `rondo watch`: what happens to a job, as it happens, and its outcome as `rondo wait` prints it. */
export async function watch(id: string, flags: ClientFlags & { readonly json?: boolean }): Promise<void> {
  checkJobId(id);
  const json = flags.json === true ? 'all' : null;
  const output = new JobOutput({ json, onItem: json === null ? tell : () => {}, warn });
  await withClient(flags, async (client) => {
    const request = jobRequest('WATCH', id);
    output.reportOutcome(await output.print(followJob(client, { request })));
  });
}

/** Standard output has what the job yields, and nothing else. */
function tell(item: JobItem): void {
  if (item.type === 'state') process.stderr.write(`${printable(stateWords(item))}\n`);
  if (item.type === 'progress') process.stderr.write(`progress ${printable(item.value)}\n`);
}

function warn(text: string): void {
  process.stderr.write(`rondo: ${text}\n`);
}
