import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { endGroup, membersOfGroup } from '../process-group.js';
import { type Contender, type Figure, readFigures } from './figures.js';
import { processorTicks, stealPercent } from './machine.js';

export interface MeasurementOptions {
  readonly limitMs: number;
  /** Its directory of temporary files. */
  readonly dataDirectory: string;
  readonly signal: AbortSignal;
}

export interface MeasurementOutcome {
  /** Those that were told before it failed, if it did. */
  readonly figures: readonly Figure[];
  readonly failure: string | null;
  readonly seconds: number;
  readonly stealPercent: number;
}

/** From a polite end, in which it ends its children and removes its files, to one that no process of its group survives. */
const graceMs = 5_000;
/** For what it wrote last to arrive, once nobody is left who could write more. */
const closeMs = 1_000;
const shownLines = 6;
const outputLengthMax = 1024 * 1024;

/**
 * Runs the process that measures, in a process group of its own: none of what it has started stays, however it ends. Never rejects: what went
 * wrong is its `failure`.
 */
export async function runMeasurement(
  command: ReturnType<Contender['command']>,
  { limitMs, dataDirectory, signal }: MeasurementOptions,
): Promise<MeasurementOutcome> {
  const startedAtMs = performance.now();
  const before = processorTicks();
  const child = spawn(command.file, [...command.args], {
    detached: true,
    // By the channel it notices when this process is gone.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, TMPDIR: dataDirectory },
  });
  const output = gather(child);
  const closed = once(child, 'close').catch(() => {});
  const endAll = (): void => endGroup(child.pid);
  process.once('exit', endAll);

  const early = endEarly(child, limitMs, signal);
  const ended = await endOf(child);
  early.stop();
  const left = await membersOfGroup(child.pid);
  endAll();
  process.off('exit', endAll);
  // What was ended the hard way takes a moment, too; the next one is to have the machine for itself.
  await membersOfGroup(child.pid);
  await Promise.race([closed, delay(closeMs)]);

  const seen = figuresIn(output.stdout());
  const lastWords = lastLines(output.stderr());
  const faults = [
    early.reason(),
    ended === null ? null : `${ended}: ${lastWords}`,
    seen.fault ?? (seen.figures.length === 0 ? `it told no figure: ${lastWords}` : null),
    left.length === 0 ? null : `it left processes behind: ${left.join('; ')}`,
  ];
  return {
    figures: seen.figures,
    failure: faults.find((fault) => fault !== null) ?? null,
    seconds: Number(((performance.now() - startedAtMs) / 1_000).toFixed(1)),
    stealPercent: Number(stealPercent(before, processorTicks()).toFixed(1)),
  };
}

/** Ends it when it takes too long, or at an abort; `reason` says which. */
function endEarly(
  child: ChildProcess,
  limitMs: number,
  signal: AbortSignal,
): { reason(): string | null; stop(): void } {
  let reason: string | null = null;
  let grace: NodeJS.Timeout | undefined;
  const end = (why: string): void => {
    reason ??= why;
    child.kill('SIGTERM');
    grace ??= setTimeout(() => endGroup(child.pid), graceMs);
  };
  const onAbort = (): void => end('it was ended');
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  const limit = setTimeout(() => end(`it took more than ${Math.round(limitMs / 1_000)} s`), limitMs);
  return {
    reason: () => reason,
    stop: () => {
      clearTimeout(limit);
      clearTimeout(grace);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** Null where it ended by itself and well. */
function endOf(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`it could not be started, ${error.message}`));
    child.once('exit', (code, signal) => resolve(code === 0 ? null : `it ended with ${code ?? signal}`));
  });
}

function figuresIn(stdout: string): { readonly figures: readonly Figure[]; readonly fault: string | null } {
  try {
    return { figures: readFigures(stdout), fault: null };
  } catch (error) {
    return { figures: [], fault: `a figure could not be read: ${(error as Error).message}` };
  }
}

function gather(child: ChildProcess): { stdout(): string; stderr(): string } {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout = (stdout + text).slice(-outputLengthMax);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-outputLengthMax);
  });
  return { stdout: () => stdout, stderr: () => stderr };
}

function lastLines(text: string): string {
  const lines = text.trim().split('\n');
  return lines.slice(-shownLines).join('\n') || 'it wrote nothing to standard error';
}
