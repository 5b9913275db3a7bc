import type { Client } from '../../client/client.js';
import { jobRequest, outcomeOfSubmitted } from '../../library/submission.js';
import { type ClientFlags, withClient } from '../client-options.js';
import { reportFailure, textOf } from '../failure.js';
import { readJsonArgument } from '../json-argument.js';
import { reportOutcome } from '../outcome.js';
import type { SubmitFlags } from '../submit-options.js';
import { oneLine } from '../terminal.js';
import { submission, submitJob } from './submit.js';

interface RunFlags extends ClientFlags, SubmitFlags {
  readonly json?: boolean;
  readonly cancelOnInterrupt?: boolean;
}

const interruptedExitCode = 130;
const progressIntervalMs = 1_000;

/**
 * `rondo run`: submits, waits, prints the result. SUBMIT and then WAIT, not RUN: so the id is known from the start, and
 * the waiting goes on at another node when this one dies. A job with a key whose nodes are all gone is submitted again.
 */
export async function run(task: string, argument: string | undefined, flags: RunFlags): Promise<void> {
  const payload = await readJsonArgument(argument);
  await withClient(flags, async (client) => {
    let id: string | null = null;
    const onInterrupt = (): void => void interrupt(client, id, flags.cancelOnInterrupt === true);
    process.once('SIGINT', onInterrupt);
    try {
      const request = submission(client, { task, payload, flags });
      ({ id } = await submitJob(client, request));
      const progress = showProgress(client, id);
      const onLost = (): void => {
        progress.clear();
        process.stderr.write(`rondo: job ${id} was lost with its node: it is submitted again\n`);
      };
      const submitAgain = (): Promise<unknown> => submitJob(client, request);
      const reply = await outcomeOfSubmitted(client, { id, request, submitAgain, onLost }).finally(() =>
        progress.stop(),
      );
      reportOutcome(id, reply, flags.json === true);
    } catch (error) {
      if (id === null) throw error;
      reportFailure(error);
      tellWhereToAsk(id);
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

/** A second Ctrl-C meets no handler any more and ends the process at once. */
async function interrupt(client: Client, id: string | null, cancel: boolean): Promise<never> {
  let text = 'interrupted before the node answered: the job may have been submitted; see `rondo jobs`';
  if (id !== null && cancel) text = await cancelJob(client, id);
  else if (id !== null) {
    text = `job ${id} goes on; see it with \`rondo status ${id}\`, stop it with \`rondo cancel ${id}\``;
  }
  process.stderr.write(`\nrondo: ${text}\n`);
  process.exit(interruptedExitCode);
}

async function cancelJob(client: Client, id: string): Promise<string> {
  try {
    textOf(await client.request(jobRequest('CANCEL', id)));
    return `job ${id} is cancelled`;
  } catch (error) {
    return `job ${id} could not be cancelled: ${(error as Error).message}`;
  }
}

/** On a terminal, one line that says what the job is doing, from time to time. */
function showProgress(client: Client, id: string): { clear(): void; stop(): void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { clear: () => {}, stop: () => {} };
  let stopped = false;
  const timer = setInterval(async () => {
    const reply = await client.request(jobRequest('STATUS', id)).catch(() => null);
    if (reply?.ok && !stopped) stderr.write(`\r\u001b[K${progressLine(id, reply.text, stderr.columns)}`);
  }, progressIntervalMs);
  const clear = (): void => void stderr.write('\r\u001b[K');
  return {
    clear,
    stop: () => {
      stopped = true;
      clearInterval(timer);
      clear();
    },
  };
}

function progressLine(id: string, status: string, columns: number): string {
  try {
    const { state, executor, attempts, progress } = JSON.parse(status) as Record<string, unknown>;
    const where = executor === null || executor === undefined ? '' : ` on ${executor}, attempt ${attempts}`;
    const far = progress === null || progress === undefined ? '' : `: ${oneLine(progress)}`;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
    return `${id} ${state}${where}${far}`.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ').slice(0, columns - 1);
  } catch {
    return '';
  }
}
