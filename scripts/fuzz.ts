import { type Weather, weathers } from '../test/sim/fuzz/plan.js';
import { type FuzzReport, replayCommand, runFuzz } from '../test/sim/fuzz/run.js';
import { readOptions, type ScriptUsage, wholeNumber, wrongUsage } from './script-usage.js';

const countDefault = 200;

const usage: ScriptUsage = {
  name: 'fuzz',
  call: 'npm run fuzz -- [--seeds N] [--from N] [--minutes M] [--weather W] | --seed S [--weather W]',
  text: `
Random clusters with random clients in the simulator, with everything checked (see test/sim/fuzz), in all weathers by turns.
The exit code is 0 only when every run kept its promises.

  --seeds N      how many seeds of each weather; ${countDefault} when there are no --minutes either
  --from N       the first of them (default 0)
  --minutes M    ends after so many
  --weather W    only this one: ${weathers.join(', ')}
  --seed S       repeats one run, and tells its story
`,
};

interface Soak {
  readonly weathers: readonly Weather[];
  readonly from: number;
  readonly count: number;
  readonly endsAtMs: number;
}

const progressIntervalMs = 10_000;
const problemsShown = 10;

function main(): number {
  const values = readOptions(usage, {
    seed: { type: 'string' },
    weather: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '0' },
    minutes: { type: 'string' },
  });
  const chosen = weathers.filter((weather) => values.weather === undefined || values.weather === weather);
  if (chosen.length === 0) return wrongUsage(usage, `--weather is one of ${weathers.join(', ')}`);
  if (values.seed !== undefined) return repeat(values.seed, chosen);
  const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
  if (!(minutes > 0)) return wrongUsage(usage, '--minutes takes a number over 0');
  const from = wholeNumber(usage, '--from', values.from, 0);
  let count = values.minutes === undefined ? countDefault : Number.POSITIVE_INFINITY;
  if (values.seeds !== undefined) count = wholeNumber(usage, '--seeds', values.seeds);
  return soak({ weathers: chosen, from, count, endsAtMs: Date.now() + minutes * 60_000 });
}

function repeat(seed: string, chosen: readonly Weather[]): number {
  const reports = chosen.map((weather) => runFuzz(seed, weather));
  for (const { weather, story, counts, problems } of reports) {
    console.log(`seed ${seed}, ${weather}:`);
    for (const line of story) console.log(`  ${line}`);
    console.log(`  ${[...counts].map(([what, count]) => `${what} ${count}`).join(' · ')}`);
    console.log(problems.length === 0 ? '  all is well' : `  ${problems.join('\n  ')}`);
  }
  return reports.every(({ problems }) => problems.length === 0) ? 0 : 1;
}

function soak({ weathers, from, count, endsAtMs }: Soak): number {
  const startedAtMs = Date.now();
  let runs = 0;
  let failed = 0;
  let toldAtMs = startedAtMs;
  const tell = (): void => {
    toldAtMs = Date.now();
    console.log(`${((toldAtMs - startedAtMs) / 1000).toFixed(0)} s: ${runs} runs, ${failed} failed`);
  };
  for (let seed = from; seed < from + count && Date.now() < endsAtMs; seed++) {
    for (const weather of weathers) {
      const report = runFuzz(String(seed), weather);
      runs++;
      if (report.problems.length > 0) {
        failed++;
        showFailure(report);
      }
    }
    if (Date.now() - toldAtMs >= progressIntervalMs) tell();
  }
  tell();
  return failed === 0 && runs > 0 ? 0 : 1;
}

function showFailure(report: FuzzReport): void {
  const { problems } = report;
  console.log(`FAILED, repeat it with: ${replayCommand(report)}`);
  for (const problem of problems.slice(0, problemsShown)) console.log(`  ${problem}`);
  if (problems.length > problemsShown) console.log(`  and ${problems.length - problemsShown} more`);
}

process.exitCode = main();
