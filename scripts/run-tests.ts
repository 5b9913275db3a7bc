import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments, type ScriptUsage, wrongUsage } from './script-usage.js';
import { endStartedGroups, runTestFile, type TestFileReport, type TestFileRun } from './test-file.js';

const usage: ScriptUsage = {
  name: 'test',
  call: 'npm test -- [--long] [PATTERN]...',
  text: `
Runs the compiled tests whose path holds one of the patterns, or all: first those that stay within one process each, two at a time;
then those that start real nodes: the ones that measure one at a time, so that their timing is their own, and all others, as they
mostly wait, three at a time. Tests that a machine can't run are counted on the line before the
last; with TEST_NETWORK=required they have failed. The last line is "N passed, N failed"; the exit code is 0 only without failures.

  --long  with those that take long: eighty more simulated clusters under faults, those that once failed, and the networks that are slow,
          lossy or parted for minutes
`,
};

const root = fileURLToPath(new URL('../../', import.meta.url));
const jobsAtOnce = 2;
const waitingJobsAtOnce = 3;
const fileTimeoutMs = 150_000;
const clusterFileTimeoutMs = 180_000;
/** These start real nodes. */
const clusterDirectories = ['test/cluster/', 'test/processes/'];
const networkDirectory = 'test/netns/';
/** On request only: `--long`. */
const longPaths = ['test/netns/long/', 'test/sim/chaos-more.test.ts', 'test/sim/met-seeds.test.ts'];
/** The longest come first, so that no lane ends alone with them. */
const firstDirectories = ['test/sim/', networkDirectory];
/** What they measure or assert would suffer from others. */
const aloneFiles: ReadonlySet<string> = new Set([
  'test/cluster/copies.test.ts',
  'test/cluster/footprint.test.ts',
  'test/cluster/jobs.test.ts',
  'test/cluster/membership.test.ts',
  'test/cluster/memory-clients.test.ts',
  'test/cluster/memory.test.ts',
  'test/processes/no-loss.test.ts',
  'test/processes/soak.test.ts',
  'test/netns/stops.test.ts',
  'test/netns/timing.test.ts',
]);
/** They use ports that documents name, so one at a time; beside others they can be. */
const portFiles: ReadonlySet<string> = new Set([
  'test/cluster/readme-tour.test.ts',
  'test/cluster/three-nodes.test.ts',
]);
/** Among them are tests that need namespaces. */
const namespaceDirectories = [networkDirectory, 'test/processes/'];
const mayNetworkNotRun = process.env.TEST_NETWORK !== 'required';

async function main(): Promise<number> {
  const { values, words: patterns } = readArguments(usage, { long: { type: 'boolean', default: false } });
  const paths = testPaths()
    .filter((path) => values.long || !longPaths.some((long) => path.startsWith(long)))
    .filter((path) => patterns.length === 0 || patterns.some((each) => path.includes(each)));
  if (paths.length === 0) {
    const wanted = patterns.map((each) => `"${each}"`).join(' or ');
    return wrongUsage(usage, `no test file's path holds ${wanted}`);
  }
  const startedAtMs = Date.now();
  const startsNodes = (path: string): boolean =>
    [...clusterDirectories, networkDirectory].some((each) => path.startsWith(each));
  const alone = paths.filter((path) => aloneFiles.has(path));
  const ofNodes = paths.filter((path) => startsNodes(path) && !aloneFiles.has(path) && !portFiles.has(path));
  const ofPorts = paths.filter((path) => portFiles.has(path));
  const ofOneProcess = paths.filter((path) => !startsNodes(path));
  const reports = [
    ...(await runAll(ofOneProcess, { atOnce: jobsAtOnce, timeoutMs: fileTimeoutMs })),
    ...(await runAll(alone, { atOnce: 1, timeoutMs: clusterFileTimeoutMs })),
    ...(await runAll(ofNodes, { atOnce: waitingJobsAtOnce, timeoutMs: clusterFileTimeoutMs, lane: ofPorts })),
  ];
  printFailures(reports);
  const passed = reports.reduce((sum, report) => sum + report.passed, 0);
  const failed = reports.reduce((sum, report) => sum + report.failures.length, 0);
  printNotRun(reports);
  console.log(`\n${reports.length} files in ${seconds(Date.now() - startedAtMs)}`);
  console.log(`${passed} passed, ${failed} failed`);
  const notRun = reports.reduce((sum, report) => sum + report.notRun.length, 0);
  return failed === 0 && passed + notRun > 0 ? 0 : 1;
}

/** By source, not by what stands in dist: a compiled test whose source is gone must not run. */
function testPaths(): string[] {
  return readdirSync(join(root, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

interface RunAllOptions {
  readonly atOnce: number;
  readonly timeoutMs: number;
  /** These all in the first lane, before others. */
  readonly lane?: readonly string[];
}

async function runAll(
  paths: readonly string[],
  { atOnce, timeoutMs, lane: ofFirstLane = [] }: RunAllOptions,
): Promise<TestFileReport[]> {
  const isFirst = (path: string): boolean => firstDirectories.some((each) => path.startsWith(each));
  const waiting = [...paths.filter(isFirst), ...paths.filter((path) => !isFirst(path))];
  const reports: TestFileReport[] = [];
  const lane = async (own: string[]): Promise<void> => {
    const next = (): string | undefined => own.shift() ?? waiting.shift();
    for (let path = next(); path !== undefined; path = next()) {
      const mayNotRun = mayNetworkNotRun && namespaceDirectories.some((each) => path.startsWith(each));
      const run: TestFileRun = { path, compiled: compiledPath(path), root, timeoutMs, mayNotRun };
      const report = await runTestFile(run);
      reports.push(report);
      printProgress(report);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, index) => lane(index === 0 ? [...ofFirstLane] : [])));
  return reports;
}

function compiledPath(path: string): string {
  return resolve(root, 'dist', path.replace(/\.ts$/, '.js'));
}

function printProgress({ path, passed, failures, notRun, measured, elapsedMs }: TestFileReport): void {
  const verdict = failures.length > 0 ? 'FAILED' : passed > 0 ? 'ok    ' : 'NOT RUN';
  const counts = [`${passed} passed`];
  if (failures.length > 0) counts.push(`${failures.length} failed`);
  if (notRun.length > 0) counts.push(`${notRun.length} not run`);
  console.log(`${verdict} ${path}  ${counts.join(', ')}  ${seconds(elapsedMs)}`);
  for (const what of measured) console.log(`         ${what}`);
}

function printNotRun(reports: readonly TestFileReport[]): void {
  const all = reports.flatMap(({ path, notRun }) => notRun.map((each) => ({ path, ...each })));
  if (all.length === 0) return;
  console.log('\nNot run (see "Tests" in README.md for what they need)');
  for (const { path, name, details } of all) console.log(`  ${path}: ${name}: ${details.join(' ')}`);
  console.log(`${all.length} NOT RUN`);
}

function printFailures(reports: readonly TestFileReport[]): void {
  const failed = reports.filter((report) => report.failures.length > 0);
  if (failed.length > 0) console.log('\nFailures');
  for (const { path, failures, errorOutput } of failed) {
    for (const { name, details } of failures) {
      console.log(`\n  ${path}: ${name}`);
      for (const line of details) console.log(`      ${line}`);
    }
    if (errorOutput !== '') console.log(`\n  ${path} wrote to standard error:\n${indent(errorOutput)}`);
  }
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n');
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    endStartedGroups();
    process.exit(130);
  });
}
process.exitCode = await main();
