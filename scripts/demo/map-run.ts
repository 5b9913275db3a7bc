import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { rondoPath } from '../../test/support/cluster-node.js';

/** What the sha256 task answers. */
export interface SumResult {
  readonly file: string;
  readonly sha256: string;
  readonly node: string;
  /** From 1; more when a run was lost with its node. */
  readonly attempt: number;
}

/** A line on the standard output of `rondo map`. */
type MapLine =
  | { readonly index: number; readonly ok: true; readonly result: SumResult }
  | { readonly index: number; readonly ok: false; readonly error: { readonly message: string } };

export interface MapRun {
  readonly child: ChildProcess;
  /** Resolves once `rondo map` has ended, with all its results in the order of the files. */
  readonly results: Promise<SumResult[]>;
}

export interface MapRunOptions {
  readonly files: readonly string[];
  /** Client addresses, the first preferred. */
  readonly addresses: readonly string[];
  readonly onResult: (count: number) => void;
}

const errorOutputLengthMax = 8 * 1024;

/** Starts `rondo map sha256` over the files; rejects when it fails, or says something that is no result. */
export function startMap({ files, addresses, onResult }: MapRunOptions): MapRun {
  const child = spawn(
    process.execPath,
    [rondoPath, 'map', 'sha256', '-', '--quiet', '--node', addresses.join(',')],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  process.once('exit', () => child.kill('SIGKILL'));
  const results: SumResult[] = [];
  let fault: Error | null = null;
  let errorOutput = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errorOutput = (errorOutput + text).slice(-errorOutputLengthMax);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    try {
      const outcome = JSON.parse(line) as MapLine;
      if (!outcome.ok) throw new Error(outcome.error.message);
      results.push(outcome.result);
      onResult(results.length);
    } catch (error) {
      fault ??= new Error(`rondo map wrote ${line.slice(0, 200)}`, { cause: error });
    }
  });
  // A map that ends early breaks its own input; its exit code says why.
  child.stdin.on('error', () => {});
  child.stdin.end(files.map((file) => `${file}\n`).join(''));
  return {
    child,
    results: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (fault !== null) reject(fault);
        else if (code !== 0)
          reject(new Error(`rondo map ended with ${signal ?? `code ${code}`}\n${errorOutput}`));
        else resolve(results);
      });
    }),
  };
}
