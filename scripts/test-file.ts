import { type ChildProcess, spawn } from 'node:child_process';
import { Parser, type Result } from 'tap-parser';
import { endGroup, membersOfGroup } from './process-group.js';

/** What one test file did. A test is a top-level test point of the file: a sentence. */
export interface TestFileReport {
  readonly path: string;
  readonly passed: number;
  readonly failures: readonly TestFailure[];
  /** Tests that this machine can't run, with the reason. */
  readonly notRun: readonly TestFailure[];
  /** What it has measured, in words. */
  readonly measured: readonly string[];
  readonly elapsedMs: number;
  /** The end of what it wrote to standard error. */
  readonly errorOutput: string;
}

export interface TestFailure {
  readonly name: string;
  /** Lines for people: what was wanted and found, and where. */
  readonly details: readonly string[];
}

export interface TestFileRun {
  /** The source, from the top of the repository. */
  readonly path: string;
  /** The JavaScript to run. */
  readonly compiled: string;
  readonly root: string;
  readonly timeoutMs: number;
  /** Whether it may leave tests out for what the machine lacks; else that counts as failed too. */
  readonly mayNotRun?: boolean;
}

const errorOutputLengthMax = 16 * 1024;
const detailLinesMax = 60;
/** How a test begins the reason why it is left out when the machine can't run it. */
const notRunPrefix = 'not run: ';
const measuredPattern = /^# measured: (.+)/;
/** tap's own time limit comes first, because it can say which test was still running. */
const tapLeadMs = 5_000;

const running = new Set<ChildProcess>();

/** Ends every test file that is still running, with all that it started. */
export function endStartedGroups(): void {
  for (const child of running) endGroup(child.pid);
}

/** Runs one compiled test file in a process group of its own, so that nothing it starts can outlive it. */
export async function runTestFile(run: TestFileRun): Promise<TestFileReport> {
  const startedAtMs = Date.now();
  const child = spawn(process.execPath, ['--enable-source-maps', run.compiled], {
    cwd: run.root,
    detached: true,
    env: { ...process.env, TAP_TIMEOUT: String((run.timeoutMs - tapLeadMs) / 1000) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let errorOutput = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errorOutput = (errorOutput + text).slice(-errorOutputLengthMax);
  });
  const tally = readTap(child.stdout, run.mayNotRun === true);
  let isOverTime = false;
  const timer = setTimeout(() => {
    isOverTime = true;
    endGroup(child.pid);
  }, run.timeoutMs);
  const exit = await exitOf(child);
  clearTimeout(timer);
  const leftBehind = isOverTime ? [] : await membersOfGroup(child.pid);
  // Whatever still holds the pipes would keep the tally from ending.
  endGroup(child.pid);
  running.delete(child);
  const { passed, failures, notRun, measured } = await tally;
  if (isOverTime)
    failures.push({ name: `ran longer than ${run.timeoutMs / 1000} s and was ended`, details: [] });
  else if (failures.length === 0 && exit !== 'code 0')
    failures.push({ name: `ended with ${exit}`, details: [] });
  else if (failures.length + passed + notRun.length === 0)
    failures.push({ name: 'has no test', details: [] });
  if (leftBehind.length > 0) failures.push({ name: 'left processes behind', details: leftBehind });
  const elapsedMs = Date.now() - startedAtMs;
  return { path: run.path, passed, failures, notRun, measured, elapsedMs, errorOutput };
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `code ${code}` : `signal ${signal}`));
  });
}

interface Tally {
  passed: number;
  readonly failures: TestFailure[];
  readonly notRun: TestFailure[];
  readonly measured: string[];
}

/** Counts the top-level test points, and gathers what is known of each that failed from the points below it. */
function readTap(output: NodeJS.ReadableStream, mayNotRun: boolean): Promise<Tally> {
  return new Promise((resolve) => {
    const tally: Tally = { passed: 0, failures: [], notRun: [], measured: [] };
    let inner: Result[] = [];
    const parser = new Parser((results) => {
      for (const failure of results.failures) {
        if (failure.tapError) tally.failures.push({ name: String(failure.tapError), details: [] });
      }
      if (results.bailout) tally.failures.push({ name: `bailed out: ${results.bailout}`, details: [] });
      resolve(tally);
    });
    gatherFailures(parser, (result) => inner.push(result));
    gatherMeasured(parser, tally.measured);
    parser.on('assert', (result: Result) => {
      const isLeftOut = result.skip || result.todo;
      const reason = mayNotRun ? notRunReason(result) : null;
      if (result.ok && !isLeftOut) tally.passed++;
      else if (reason !== null) tally.notRun.push({ name: result.name, details: [reason] });
      else tally.failures.push(isLeftOut ? leftOut(result) : failureOf(result, inner));
      inner = [];
    });
    output.pipe(parser);
  });
}

function gatherFailures(parser: Parser, found: (result: Result) => void): void {
  parser.on('child', (child: Parser) => {
    child.on('assert', (result: Result) => {
      if (!result.ok && !result.closingTestPoint) found(result);
    });
    gatherFailures(child, found);
  });
}

function gatherMeasured(parser: Parser, measured: string[]): void {
  parser.on('comment', (comment: string) => {
    const [, what] = measuredPattern.exec(comment.trim()) ?? [];
    if (what !== undefined) measured.push(what);
  });
  parser.on('child', (child: Parser) => gatherMeasured(child, measured));
}

/** Null when it is left out for any other reason, or not at all. */
function notRunReason({ ok, skip }: Result): string | null {
  return ok && typeof skip === 'string' && skip.startsWith(notRunPrefix)
    ? skip.slice(notRunPrefix.length)
    : null;
}

function leftOut(result: Result): TestFailure {
  return { name: result.name, details: ['was left out (skip or todo), which counts as failed'] };
}

function failureOf(result: Result, inner: readonly Result[]): TestFailure {
  const details =
    inner.length === 0 ? describe(result) : inner.flatMap((each) => [each.name, ...describe(each)]);
  return { name: result.name, details: details.slice(0, detailLinesMax) };
}

function describe({ diag, tapError }: Result): string[] {
  const lines: string[] = tapError ? [tapError] : [];
  for (const key of ['diff', 'error', 'found', 'wanted', 'expired', 'signal', 'stack'] as const) {
    const value: unknown = diag?.[key];
    if (value === undefined || value === null) continue;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    lines.push(
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    );
  }
  return lines;
}
