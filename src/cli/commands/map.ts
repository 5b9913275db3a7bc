import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Client, ClientNotice } from '../../client/client.js';
import { valueField } from '../../library/outcome.js';
import { endUnfinished } from '../broken-output.js';
import { type ClientFlags, withClient } from '../client-options.js';
import { fileFault, printable, usageError } from '../failure.js';
import { inputLines } from '../map/input-lines.js';
import { Joblog } from '../map/joblog.js';
import { type FinishedLine, MapRun } from '../map/map-run.js';
import { OrderedOutput } from '../map/ordered-output.js';
import { type MapProgress, showMapProgress } from '../map/progress.js';
import { type SubmitFlags, submitOptionsOf } from '../submit-options.js';

export interface MapFlags extends ClientFlags, Omit<SubmitFlags, 'key'> {
  readonly jsonInput?: boolean;
  readonly unordered?: boolean;
  readonly resultsOnly?: boolean;
  readonly withInput?: boolean;
  readonly window?: string;
  readonly concurrency?: string;
  readonly joblog?: string;
  readonly resume?: boolean;
  readonly resumeFailed?: boolean;
  readonly quiet?: boolean;
  /** False with `--no-keys`. */
  readonly keys?: boolean;
}

const windowDefault = 1_000;
/** Results that wait for a slow line before them: ten windows of them, or this many characters. */
const aheadPerWindow = 10;
const aheadLengthMax = 64 * 1024 * 1024;
/** The node need not keep what this client has been told; a line whose outcome is lost on the way runs again anyway. */
const outcomeTtl = '0s';
const interruptedExitCode = 130;

/** `rondo map`: a job a line of input. */
export async function map(task: string, file: string | undefined, flags: MapFlags): Promise<void> {
  const resuming = flags.resume === true || flags.resumeFailed === true;
  if (resuming && flags.joblog === undefined) {
    throw usageError('--resume needs the --joblog of the run to go on with');
  }
  const path = file === undefined || file === '-' ? null : file;
  const input = await openInput(path);
  let joblog: Joblog | null = null;
  try {
    if (flags.joblog !== undefined) {
      joblog = await Joblog.open({ path: flags.joblog, task, input: path ?? '-', resume: resuming });
    }
    const window = Number(flags.window ?? flags.concurrency ?? windowDefault);
    const progress = await (flags.quiet ? null : showMapProgress(path));
    const job = { task, flags, input, joblog, window, progress };
    await withClient(flags, (client) => runMap(client, job), {
      inFlightMax: window,
      onNotice: tellNotice,
      // A busy node is asked again for longer here, at a pace that the lines share.
      busyMs: 0,
      ...(flags.keys === false ? { ownKeys: false } : {}),
    });
  } finally {
    input.destroy();
    await joblog?.close();
  }
}

interface MapJob {
  readonly task: string;
  readonly flags: MapFlags;
  readonly input: Readable;
  readonly joblog: Joblog | null;
  readonly window: number;
  readonly progress: MapProgress | null;
}

async function runMap(client: Client, job: MapJob): Promise<void> {
  const { flags, input, joblog, progress, window } = job;
  const startedAtMs = performance.now();
  const output = new OrderedOutput({
    sink: process.stdout,
    ordered: flags.unordered !== true,
    pendingMax: window * aheadPerWindow,
    bufferedLengthMax: aheadLengthMax,
    onRoom: () => run.notice(),
  });
  const run: MapRun = new MapRun({
    client,
    output,
    task: job.task,
    submitOptions: submitOptionsOf({ ttl: outcomeTtl, ...flags }),
    inFlightMax: window,
    onHopeless: () => input.destroy(),
    isSkipped: skipRule(joblog, flags),
    format: (finished) => formatLine(finished, flags),
    onWritten: (finished) => {
      joblog?.note(finished);
      progress?.update(run.counts);
    },
  });
  let logFault: Error | null = null;
  joblog?.onError((error) => {
    logFault ??= error;
    stop(run, input);
  });
  const onInterrupt = (): void => interrupt(run, input);
  process.on('SIGINT', onInterrupt);
  endUnfinished(async () => {
    progress?.stop();
    await joblog?.close();
  });
  try {
    await run.run(untilStopped(inputLines(input, { json: flags.jsonInput === true }), run));
    if (logFault !== null) {
      throw usageError(`cannot write the joblog ${flags.joblog}: ${fileFault(logFault)}`, logFault);
    }
  } finally {
    process.off('SIGINT', onInterrupt);
    progress?.stop();
    if (!flags.quiet) tellSummary(run, (performance.now() - startedAtMs) / 1_000);
    if (run.isEnding && joblog !== null) tell('go on later with the same command and --resume');
  }
  if (run.counts.failed > 0) process.exitCode ??= 1;
}

async function openInput(path: string | null): Promise<Readable> {
  if (path === null) {
    if (process.stdin.isTTY) tell('reading lines from the terminal; Ctrl-D ends the input');
    return process.stdin;
  }
  let handle: FileHandle | null = null;
  try {
    handle = await open(path);
    if (!(await handle.stat()).isDirectory()) return handle.createReadStream();
    await handle.close();
  } catch (error) {
    await handle?.close();
    throw usageError(`cannot read ${path}: ${fileFault(error)}`, error);
  }
  throw usageError(`cannot read ${path}: it is a directory`);
}

function skipRule(joblog: Joblog | null, flags: MapFlags): (index: number) => boolean {
  if (joblog === null) return () => false;
  if (flags.resumeFailed) return (index) => joblog.outcomeOf(index) !== 'failed';
  return (index) => joblog.outcomeOf(index) === 'done';
}

function formatLine({ line, outcome }: FinishedLine, flags: MapFlags): string {
  if (flags.resultsOnly) {
    // A line of output for each of input: of bytes it is a JSON string.
    if (outcome.ok)
      return `${typeof outcome.result === 'string' ? outcome.result : `"${outcome.result.toString('base64')}"`}\n`;
    tell(`line ${line.index + 1} failed: ${outcome.error.name}: ${outcome.error.message}`);
    return 'null\n';
  }
  const text = flags.jsonInput && line.fault === null ? line.payload : JSON.stringify(line.text);
  const input = flags.withInput ? `"input":${text},` : '';
  if (outcome.ok)
    return `{"index":${line.index},${input}"ok":true,${valueField('result', outcome.result)}}\n`;
  const id = outcome.id === null ? '' : `"id":${JSON.stringify(outcome.id)},`;
  return `{"index":${line.index},${input}"ok":false,${id}"error":${JSON.stringify(outcome.error)}}\n`;
}

/** Reading the input ends with an error when it is stopped in the middle; that one was asked for. */
async function* untilStopped<Item>(items: AsyncIterable<Item>, run: MapRun): AsyncGenerator<Item> {
  try {
    yield* items;
  } catch (error) {
    if (!run.isEnding) throw usageError(`cannot read the input: ${fileFault(error)}`, error);
  }
}

function stop(run: MapRun, input: Readable): void {
  run.stop();
  input.destroy();
}

function interrupt(run: MapRun, input: Readable): void {
  process.exitCode = interruptedExitCode;
  if (run.isEnding) process.exit();
  stop(run, input);
  tell(`waiting for ${run.inFlightCount} lines in flight; Ctrl-C again leaves them to the cluster`);
}

function tellNotice(notice: ClientNotice): void {
  if (notice.type === 'moved') {
    tell(`going on at node ${notice.to}`);
    return;
  }
  tell(
    `node ${notice.node} was lost (${notice.reason}): ${notice.unansweredCount} unfinished lines are submitted again, and may run twice`,
  );
}

function tellSummary({ counts }: MapRun, seconds: number): void {
  const finished = counts.done + counts.failed;
  const parts = [`${counts.done} done`, `${counts.failed} failed`];
  if (counts.skipped > 0) parts.push(`${counts.skipped} left out`);
  if (counts.repeated > 0) parts.push(`${counts.repeated} submitted again`);
  const rate = Math.round(finished / Math.max(seconds, 0.001));
  tell(`${parts.join(', ')}; ${seconds.toFixed(1)} s, ${rate} lines/s`);
}

/** On a terminal the bar's line is cleared first; the bar comes back below. */
function tell(text: string): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  process.stderr.write(`rondo: ${printable(text)}\n`);
}
