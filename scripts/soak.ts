import { type SabotageName, sabotages } from '../src/sim/sabotage.js';
import { InvariantViolation } from '../src/sim/violation.js';
import { type FaultClass, faultKinds, noFault } from '../test/sim/chaos/plan.js';
import { type ChaosOptions, type ChaosReport, replayCommand, runChaos } from '../test/sim/chaos/run.js';
import { readOptions, type ScriptUsage, wholeNumber, wrongUsage } from './script-usage.js';
import { Tally } from './soak/tally.js';

const progressIntervalMs = 10_000;
const minutesDefault = 10;
const faultClasses: readonly FaultClass[] = [...faultKinds, noFault];

const usage: ScriptUsage = {
  name: 'soak',
  call: 'npm run soak -- [--seeds A-B] [--minutes M] [--jobs N] [--fault KIND] [--submits-only] [--sabotage NAME] | --seed S [--fault KIND] [--submits-only] [--sabotage NAME]',
  text: `
Random clusters under random faults in the simulator, with every invariant checked after every step (see test/sim/chaos). In the end it
tells, for the runs in which each kind of fault fired, how many acknowledged jobs were checked; how many of them were lost, which must be
none; how many ran that nobody had submitted, which must be none; and how many were started more than once, which without faults must be
none. Not promised are those whose holders were all lost at once. The exit code is 0 only when every run held.

  --seeds A-B      the seeds to run; from 0 on when not given
  --minutes M      ends after so many; ${minutesDefault} when there are neither --seeds nor --jobs
  --jobs N         ends when so many acknowledged jobs were checked
  --fault KIND     this kind of fault alone, and many jobs: ${faultClasses.join(', ')}
  --seed S         repeats one run, and tells its story
  --submits-only   clients only submit, and no node knows that it was killed: so runs were when the seeds of some named tests were found
  --sabotage NAME  spoils all nodes, which must be found: ${Object.keys(sabotages).join(', ')}
`,
};

function main(): number {
  const values = readOptions(usage, {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    jobs: { type: 'string' },
    fault: { type: 'string' },
    sabotage: { type: 'string' },
    'submits-only': { type: 'boolean' },
  });
  const sabotage = (values.sabotage ?? null) as SabotageName | null;
  if (sabotage !== null && !Object.hasOwn(sabotages, sabotage))
    return wrongUsage(usage, `--sabotage is one of ${Object.keys(sabotages).join(', ')}`);
  const fault = (values.fault ?? null) as FaultClass | null;
  if (fault !== null && !faultClasses.includes(fault))
    return wrongUsage(usage, `--fault is one of ${faultClasses.join(', ')}`);
  const options: ChaosOptions = { sabotage, fault, submitsOnly: values['submits-only'] ?? false };
  if (values.seed !== undefined) return repeat(values.seed, options);
  const range = /^(\d+)-(\d+)$/.exec(values.seeds ?? '0-999999999');
  if (range === null || Number(range[1]) > Number(range[2]))
    return wrongUsage(usage, '--seeds takes two numbers, the lower first, as in 0-999');
  const jobs = values.jobs === undefined ? null : wholeNumber(usage, '--jobs', values.jobs);
  const minutesGiven = values.minutes === undefined ? null : Number(values.minutes);
  if (minutesGiven !== null && !(minutesGiven > 0))
    return wrongUsage(usage, '--minutes takes a number over 0');
  const hasOtherEnd = values.seeds !== undefined || jobs !== null;
  const minutes = minutesGiven ?? (hasOtherEnd ? Number.POSITIVE_INFINITY : minutesDefault);
  return soak({
    from: Number(range[1]),
    to: Number(range[2]),
    options,
    jobs: jobs ?? Number.POSITIVE_INFINITY,
    endsAtMs: Date.now() + minutes * 60_000,
  });
}

function repeat(seed: string, options: ChaosOptions): number {
  const report = runChaos(seed, options);
  for (const line of report.story) console.log(line);
  console.log(
    `agreed ${(report.agreedAfterMs / 1000).toFixed(1)} s after the last fault; trace ${report.traceHash}`,
  );
  const { checked, excused, lost, repeated } = report.jobs;
  console.log(
    `${checked} acknowledged jobs, ${lost} lost, ${repeated} starts beyond the first; ${excused} more whose holders were all lost at once`,
  );
  console.log(
    report.violation === null ? 'everything held' : (report.violation.stack ?? report.violation.message),
  );
  return report.violation === null ? 0 : 1;
}

interface Soak {
  readonly from: number;
  readonly to: number;
  readonly options: ChaosOptions;
  /** Acknowledged ones that are to be checked. */
  readonly jobs: number;
  readonly endsAtMs: number;
}

function soak({ from, to, options, jobs, endsAtMs }: Soak): number {
  const startedAtMs = Date.now();
  const failed: ChaosReport[] = [];
  const tally = new Tally();
  let runs = 0;
  let simulatedMs = 0;
  let toldAtMs = startedAtMs;
  const tell = (): void => {
    toldAtMs = Date.now();
    const tookMs = toldAtMs - startedAtMs;
    const speed = Math.round(simulatedMs / Math.max(1, tookMs));
    console.log(
      `${(tookMs / 1000).toFixed(0)} s: ${runs} runs, ${tally.checked} jobs, ${failed.length} failed, ${(simulatedMs / 3_600_000).toFixed(1)} h simulated, ${speed} times real time`,
    );
  };
  for (let seed = from; seed <= to && Date.now() < endsAtMs && tally.checked < jobs; seed++) {
    const report = runChaos(String(seed), options);
    runs++;
    simulatedMs += report.simulatedMs;
    tally.add(report);
    if (report.violation !== null) {
      failed.push(report);
      tellFailure(report, options);
    }
    if (Date.now() - toldAtMs >= progressIntervalMs) tell();
  }
  tell();
  console.log(tally.describe());
  if (failed.length > 0) console.log(`failing seeds: ${failed.map(({ seed }) => seed).join(' ')}`);
  return failed.length === 0 && runs > 0 && tally.isClean ? 0 : 1;
}

function tellFailure({ seed, violation }: ChaosReport, options: ChaosOptions): void {
  console.log(`FAILED: ${violation?.message}`);
  // A core that asserts doesn't know which run it is in.
  if (!(violation instanceof InvariantViolation)) console.log(replayCommand(seed, options));
}

process.exitCode = main();
