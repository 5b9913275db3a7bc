import { parseArgs } from 'node:util';
import { type Weather, weathers } from '../test/sim/fuzz/plan.js';
import { type FuzzReport, replayCommand, runFuzz } from '../test/sim/fuzz/run.js';

/**
 * `npm run fuzz -- [--seeds N] [--from N] [--minutes N] [--weather calm|unruly|stormy]`: random clusters in the simulator, with
 * everything checked (see `test/sim/fuzz`), in all weathers by turns: N seeds each, or as many as there is time for.
 * `--seed S --weather W` repeats one run and tells its story. The exit code is 0 only when every run kept its promises.
 */

interface Soak {
  readonly weathers: readonly Weather[];
  readonly from: number;
  readonly count: number;
  readonly endsAtMs: number;
}

const progressIntervalMs = 10_000;
const problemsShown = 10;

function main(): number {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      weather: { type: 'string' },
      seeds: { type: 'string' },
      from: { type: 'string', default: '0' },
      minutes: { type: 'string' },
    },
  });
  const chosen = weathers.filter((weather) => values.weather === undefined || values.weather === weather);
  if (chosen.length === 0) return wrongUsage(`--weather is one of ${weathers.join(', ')}`);
  if (values.seed !== undefined) return repeat(values.seed, chosen);
  const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
  const countDefault = values.minutes === undefined ? 200 : Number.POSITIVE_INFINITY;
  const count = values.seeds === undefined ? countDefault : Number(values.seeds);
  const from = Number(values.from);
  if ([minutes, count, from].some((value) => Number.isNaN(value))) return wrongUsage('numbers, please');
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

function wrongUsage(what: string): number {
  console.error(`fuzz: ${what}`);
  return 2;
}

process.exitCode = main();
