import { measureQueue, measureRestart } from './bench/queue.js';
import { readOptions, type ScriptUsage, wholeNumber, wrongUsage } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'measure-queue',
  call: 'npm run measure-queue -- [--jobs N] [--row NAME]... [--json]',
  text: `
What a long queue costs: one node, jobs of 200 bytes that no node may run, its memory, and how fast it takes and runs further jobs, beside
the same node with an empty queue. Rows: memory (--no-journal), journal, restart (ready with a tenth of the jobs in the journal). The
exit code is 1 when a figure is not what was aimed at. Takes three minutes.

  --jobs N    default 1000000
  --row NAME  only this row; may be repeated
  --json      one JSON object a row
`,
};
const rowNames = ['memory', 'journal', 'restart'] as const;
const aims = { residentMiB: 1_024, speedRatio: 0.5, readyMs: 5_000 };

async function main(): Promise<void> {
  const values = readOptions(usage, {
    jobs: { type: 'string', default: '1000000' },
    row: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
  });
  const jobs = wholeNumber(usage, '--jobs', values.jobs, 10_000);
  const wanted = values.row ?? [...rowNames];
  const unknown = wanted.filter((name) => !(rowNames as readonly string[]).includes(name));
  if (unknown.length > 0) wrongUsage(usage, `no row ${unknown.join(', ')}; there are ${rowNames.join(', ')}`);
  for (const name of wanted) {
    const { text, report, isMet } =
      name === 'restart' ? await restartRow(jobs / 10) : await queueRow(name, jobs);
    console.log(
      values.json
        ? JSON.stringify({ row: name, ...report, isMet })
        : `${name}: ${text}${isMet ? '' : ', NOT MET'}`,
    );
    if (!isMet) process.exitCode = 1;
  }
}

interface Row {
  readonly text: string;
  readonly report: object;
  readonly isMet: boolean;
}

async function queueRow(name: string, jobs: number): Promise<Row> {
  const report = await measureQueue(jobs, name === 'journal');
  const { memory, submitFirst, submitLast, empty, full } = report;
  const submitRatio = submitLast / submitFirst;
  const runRatio = full.run / empty.run;
  const text =
    `${jobs} queued: ${memory.residentMiB.toFixed(0)} MiB resident (${memory.anonymousMiB.toFixed(0)} anonymous, ` +
    `${memory.fileMiB.toFixed(0)} of files); the last tenth submitted ${submitRatio.toFixed(2)} × as fast as the first ` +
    `(${submitFirst.toFixed(0)} a second); others run ${runRatio.toFixed(2)} × as fast as before (${empty.run.toFixed(0)} a second)`;
  const isMet =
    memory.residentMiB < aims.residentMiB && submitRatio >= aims.speedRatio && runRatio >= aims.speedRatio;
  return { text, report, isMet };
}

async function restartRow(jobs: number): Promise<Row> {
  const report = await measureRestart(Math.ceil(jobs));
  const text = `ready after ${report.readyMs.toFixed(0)} ms with ${Math.ceil(jobs)} jobs in the journal, ${report.emptyMs.toFixed(0)} ms with none`;
  return { text, report, isMet: report.readyMs < aims.readyMs };
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
main().catch((error: unknown) => {
  process.stderr.write(`measure-queue: ${(error as Error).stack ?? error}\n`);
  process.exitCode = 2;
});
