import { type SabotageName, sabotages } from '../src/sim/sabotage.js';
import { InvariantViolation } from '../src/sim/violation.js';
import { type ChaosReport, replayCommand, runChaos } from '../test/sim/chaos/run.js';
import { readOptions, type ScriptUsage, wrongUsage } from './script-usage.js';

const progressIntervalMs = 10_000;
const minutesDefault = 10;

const usage: ScriptUsage = {
  name: 'soak',
  call: 'npm run soak -- [--seeds A-B] [--minutes M] [--sabotage NAME] | --seed S [--sabotage NAME]',
  text: `
Random clusters under random faults in the simulator, with every invariant checked after every step (see test/sim/chaos).
The exit code is 0 only when every run held.

  --seeds A-B      the seeds to run; from 0 on when not given
  --minutes M      ends after so many; ${minutesDefault} when there are no --seeds
  --seed S         repeats one run, and tells its story
  --sabotage NAME  spoils all nodes, which must be found: ${Object.keys(sabotages).join(', ')}
`,
};

function main(): number {
  const values = readOptions(usage, {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    sabotage: { type: 'string' },
  });
  const sabotage = (values.sabotage ?? null) as SabotageName | null;
  if (sabotage !== null && !Object.hasOwn(sabotages, sabotage))
    return wrongUsage(usage, `--sabotage is one of ${Object.keys(sabotages).join(', ')}`);
  if (values.seed !== undefined) return repeat(values.seed, sabotage);
  const range = /^(\d+)-(\d+)$/.exec(values.seeds ?? '0-999999999');
  if (range === null || Number(range[1]) > Number(range[2]))
    return wrongUsage(usage, '--seeds takes two numbers, the lower first, as in 0-999');
  const minutesGiven = values.minutes === undefined ? null : Number(values.minutes);
  if (minutesGiven !== null && !(minutesGiven > 0))
    return wrongUsage(usage, '--minutes takes a number over 0');
  const minutes = minutesGiven ?? (values.seeds === undefined ? minutesDefault : Number.POSITIVE_INFINITY);
  return soak({
    from: Number(range[1]),
    to: Number(range[2]),
    sabotage,
    endsAtMs: Date.now() + minutes * 60_000,
  });
}

function repeat(seed: string, sabotage: SabotageName | null): number {
  const report = runChaos(seed, sabotage);
  for (const line of report.story) console.log(line);
  console.log(
    `agreed ${(report.agreedAfterMs / 1000).toFixed(1)} s after the last fault; trace ${report.traceHash}`,
  );
  console.log(
    report.violation === null ? 'everything held' : (report.violation.stack ?? report.violation.message),
  );
  return report.violation === null ? 0 : 1;
}

interface Soak {
  readonly from: number;
  readonly to: number;
  readonly sabotage: SabotageName | null;
  readonly endsAtMs: number;
}

function soak({ from, to, sabotage, endsAtMs }: Soak): number {
  const startedAtMs = Date.now();
  const failed: ChaosReport[] = [];
  let runs = 0;
  let simulatedMs = 0;
  let toldAtMs = startedAtMs;
  const tell = (): void => {
    toldAtMs = Date.now();
    const tookMs = toldAtMs - startedAtMs;
    const speed = Math.round(simulatedMs / Math.max(1, tookMs));
    console.log(
      `${(tookMs / 1000).toFixed(0)} s: ${runs} runs, ${failed.length} failed, ${(simulatedMs / 3_600_000).toFixed(1)} h simulated, ${speed} times real time`,
    );
  };
  for (let seed = from; seed <= to && Date.now() < endsAtMs; seed++) {
    const report = runChaos(String(seed), sabotage);
    runs++;
    simulatedMs += report.simulatedMs;
    if (report.violation !== null) {
      failed.push(report);
      console.log(`FAILED: ${report.violation.message}`);
      // A core that asserts doesn't know which run it is in.
      if (!(report.violation instanceof InvariantViolation))
        console.log(replayCommand(report.seed, sabotage));
    }
    if (Date.now() - toldAtMs >= progressIntervalMs) tell();
  }
  tell();
  if (failed.length > 0) console.log(`failing seeds: ${failed.map(({ seed }) => seed).join(' ')}`);
  return failed.length === 0 && runs > 0 ? 0 : 1;
}

process.exitCode = main();
