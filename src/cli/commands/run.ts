import type { Client } from '../../client/client.js';
import { followJob } from '../../client/follow-job.js';
import { jobRequest } from '../../library/submission.js';
import { endUnfinished } from '../broken-output.js';
import { type ClientFlags, withClient } from '../client-options.js';
import { reportFailure, textOf } from '../failure.js';
import { JobOutput } from '../job-output.js';
import { type PayloadFlags, readPayload } from '../payload-argument.js';
import { ProgressLine } from '../progress-line.js';
import { type SubmitFlags, submitOptionsOf } from '../submit-options.js';

interface RunFlags extends ClientFlags, SubmitFlags, PayloadFlags {
  readonly json?: boolean;
  readonly cancelOnInterrupt?: boolean;
}

const interruptedExitCode = 130;

/**
 * `rondo run`: submits, prints what the job yields as it comes, then its result. The job is followed from its beginning, so that nothing of
 * that is missed, and at another node when this one dies. A job with a key whose nodes are all gone is submitted again.
 */
export async function run(task: string, argument: string | undefined, flags: RunFlags): Promise<void> {
  const payload = await readPayload(argument, flags);
  await withClient(flags, async (client) => {
    const progress = new ProgressLine();
    const warn = (text: string): void => {
      progress.clear();
      process.stderr.write(`rondo: ${text}\n`);
    };
    const json = flags.json === true ? 'values' : null;
    const output = new JobOutput({ json, onItem: (item) => progress.show(item), warn });
    const cancels = flags.cancelOnInterrupt === true;
    const onInterrupt = (): void => void interrupt(client, output.id, cancels);
    process.once('SIGINT', onInterrupt);
    const finish = endUnfinished(() => leave(client, output.id, cancels));
    const options = [...submitOptionsOf(flags), ['stream', 'yes'] as const];
    const request = client.keyed({ verb: 'RUN', operands: [task], options, payload });
    const onLost = (): void => warn(`job ${output.id} was lost with its node: it is submitted again`);
    try {
      const reply = await output
        .print(followJob(client, { request, onLost }))
        .finally(() => progress.clear());
      finish();
      output.reportOutcome(reply);
    } catch (error) {
      if (output.id === null) throw error;
      reportFailure(error);
      tellWhereToAsk(output.id);
    } finally {
      process.off('SIGINT', onInterrupt);
    }
  });
}

/** The job was taken, and its outcome could not be had: without its id nobody could ask for it. */
function tellWhereToAsk(id: string): void {
  process.stderr.write(
    `rondo: job ${id} was submitted and may go on; ask another node for its outcome: \`rondo wait ${id} --node HOST:PORT\`\n`,
  );
}

/** Nobody reads what is printed any more, which is as if it were interrupted. */
async function leave(client: Client, id: string | null, cancel: boolean): Promise<void> {
  const text = await leftText(client, id, cancel);
  process.stderr.write(`rondo: nobody reads the output any more: ${text}\n`);
}

/** A second Ctrl-C meets no handler any more and ends the process at once. */
async function interrupt(client: Client, id: string | null, cancel: boolean): Promise<never> {
  process.stderr.write(`\nrondo: ${await leftText(client, id, cancel)}\n`);
  process.exit(interruptedExitCode);
}

async function leftText(client: Client, id: string | null, cancel: boolean): Promise<string> {
  if (id === null)
    return 'interrupted before the node answered: the job may have been submitted; see `rondo jobs`';
  if (cancel) return cancelJob(client, id);
  return `job ${id} goes on; see it with \`rondo status ${id}\`, stop it with \`rondo cancel ${id}\``;
}

async function cancelJob(client: Client, id: string): Promise<string> {
  try {
    textOf(await client.request(jobRequest('CANCEL', id)));
    return `job ${id} is cancelled`;
  } catch (error) {
    return `job ${id} could not be cancelled: ${(error as Error).message}`;
  }
}
