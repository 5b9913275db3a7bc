import { isInNamespaces, namespaceFault, runInNamespaces } from '../test/support/netns/namespaces.js';
import { readOptions, type ScriptUsage, wholeNumber, wrongUsage } from './script-usage.js';
import { type FaultKind, faultKinds, kindsInNamespaces } from './soak-processes/fault-plan.js';
import { describeSoak } from './soak-processes/report.js';
import { runSoak, type SoakOptions } from './soak-processes/run.js';

const minutesDefault = 3;
const jobsPerSecondDefault = 100;
const drainTimeoutMs = 60_000;
const noFaults = 'none';

const usage: ScriptUsage = {
  name: 'soak-processes',
  call: 'npm run soak:processes -- [--minutes M | --jobs N] [--faults KIND,KIND] [--seed S] [--rate R] [--one-copy] [--json]',
  text: `
Five real nodes under real faults, one at a time, while clients submit numbered jobs through the line protocol. Each job writes down
that it runs. In the end the faults stop, every acknowledged job is asked for its outcome, and the two histories are compared: what was
acknowledged must have run, and what has run must have been submitted. The exit code is 0 only when that held, every fault asked for has
come, no job is without its outcome, and jobs of a killed or stopped node ran again as soon as is aimed at (p99, of 20 times at least).

  --minutes M  ends after so long; ${minutesDefault} when there are no --jobs. Each kind of fault comes once, however long that takes
  --jobs N     ends when so many jobs are acknowledged
  --faults L   of ${faultKinds.join(', ')}; all of them when not given, and "${noFaults}" for none.
               ${kindsInNamespaces.join(' and ')} need namespaces: Linux, with ip and unshare
  --seed S     draws the same faults and jobs again; what the machine does in between is its own
  --rate R     jobs a second; ${jobsPerSecondDefault} when not given
  --one-copy   asks for one copy in memory of each job, so that a killed node loses some, which must be found
  --json       prints the result as JSON, and what happens meanwhile to standard error
`,
};

async function main(): Promise<number> {
  const values = readOptions(usage, {
    minutes: { type: 'string' },
    jobs: { type: 'string' },
    faults: { type: 'string' },
    seed: { type: 'string' },
    rate: { type: 'string' },
    'one-copy': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  });
  const kinds = kindsIn(values.faults ?? faultKinds.join());
  const minutes = values.minutes === undefined ? null : Number(values.minutes);
  if (minutes !== null && !(minutes > 0)) return wrongUsage(usage, '--minutes takes a number over 0');
  const jobs = values.jobs === undefined ? null : wholeNumber(usage, '--jobs', values.jobs);
  const rate = wholeNumber(usage, '--rate', values.rate ?? String(jobsPerSecondDefault));
  const needing = kinds.filter((kind) => kindsInNamespaces.includes(kind));
  if (needing.length > 0 && !isInNamespaces()) return enter(needing);
  const isOneCopy = values['one-copy'] === true;
  const seed = values.seed ?? String(Date.now() % 1_000_000);
  const tell = (line: string): void => (values.json ? console.error(line) : console.log(line));
  const length = minutes !== null || jobs === null ? `--minutes ${minutes ?? minutesDefault}` : '';
  const command = [
    'npm run soak:processes --',
    ...(length === '' ? [] : [length]),
    ...(jobs === null ? [] : [`--jobs ${jobs}`]),
    `--faults ${kinds.join() || noFaults} --seed ${seed} --rate ${rate}${isOneCopy ? ' --one-copy' : ''}`,
  ].join(' ');
  tell(`again: ${command}`);
  const options: SoakOptions = {
    seed,
    kinds,
    jobsPerSecond: rate,
    drainTimeoutMs,
    hasNetwork: kinds.includes('partition'),
    checksTimes: true,
    tell,
    ...(length === '' ? {} : { durationMs: (minutes ?? minutesDefault) * 60_000 }),
    ...(jobs === null ? {} : { jobs }),
    ...(isOneCopy ? { promise: 'copies=1 durable=no' } : {}),
  };
  const result = await runSoak(options);
  if (values.json) console.log(JSON.stringify({ seed, command, ...result }));
  else console.log(`${describeSoak(result)}\nagain: ${command}`);
  return result.violations.length === 0 ? 0 : 1;
}

function kindsIn(list: string): FaultKind[] {
  if (list === noFaults) return [];
  return [...new Set(list.split(','))].map((word) => {
    const kind = faultKinds.find((each) => each === word);
    return (
      kind ??
      wrongUsage(usage, `--faults takes some of ${faultKinds.join(', ')}, or ${noFaults}, and not "${word}"`)
    );
  });
}

function enter(needing: readonly FaultKind[]): number {
  const fault = namespaceFault();
  if (fault === null) return runInNamespaces();
  const others = faultKinds.filter((kind) => !kindsInNamespaces.includes(kind));
  console.error(
    `soak-processes: no ${needing.join(' or ')}: ${fault}. The others need none: --faults ${others.join()}`,
  );
  return 1;
}

// The first process of a namespace isn't ended by these unless it says so; whatever it started ends with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
