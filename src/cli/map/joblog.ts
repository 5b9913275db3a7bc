import { createWriteStream, statSync, type WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileFault, usageError } from '../failure.js';
import type { FinishedLine } from './map-run.js';

/**
 * A file that notes what became of each line, so that a run that was cut short can be gone on with. NDJSON: first what the
 * run was, then `{"index","ok","seconds","finishedAt"}` a finished line, with `id` and `error` where it failed.
 */
export class Joblog {
  private constructor(
    private readonly file: WriteStream,
    private readonly outcomes: LineOutcomes,
  ) {}

  /** Opens the log; reads what it holds when the run goes on with an earlier one. Rejects with `BAD_USAGE`. */
  static async open(options: JoblogOptions): Promise<Joblog> {
    const { path, resume } = options;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) throw usageError(`the joblog ${path} is a directory: name a file`);
    const sizeBytes = stat?.size ?? 0;
    const outcomes = new LineOutcomes();
    if (sizeBytes > 0) {
      if (!resume) {
        throw usageError(
          `the joblog ${path} exists already: add --resume to go on where it ends, or remove it`,
        );
      }
      await readOutcomes(options, outcomes);
    }
    const file = createWriteStream(path, { flags: 'a' });
    await new Promise<void>((resolve, reject) => {
      file.once('open', () => resolve());
      file.once('error', (error) =>
        reject(usageError(`cannot write the joblog ${path}: ${fileFault(error)}`, error)),
      );
    });
    // A line that was cut off in the middle is closed, so that it spoils none after it.
    if (sizeBytes > 0) file.write('\n');
    else file.write(`${JSON.stringify({ joblog: 1, task: options.task, input: options.input })}\n`);
    return new Joblog(file, outcomes);
  }

  outcomeOf(index: number): 'done' | 'failed' | null {
    return this.outcomes.get(index);
  }

  /** Once the log is closed, nothing more is noted. */
  note({ line, outcome, seconds }: FinishedLine): void {
    if (this.file.writableEnded) return;
    const entry = {
      index: line.index,
      ok: outcome.ok,
      seconds: Number(seconds.toFixed(3)),
      finishedAt: new Date().toISOString(),
      ...(outcome.ok ? {} : { id: outcome.id, error: outcome.error }),
    };
    this.file.write(`${JSON.stringify(entry)}\n`);
  }

  /** Called when the disk is full, for example. */
  onError(listener: (error: Error) => void): void {
    this.file.on('error', listener);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.file.closed) return resolve();
      this.file.once('close', () => resolve());
      this.file.end();
    });
  }
}

export interface JoblogOptions {
  readonly path: string;
  readonly task: string;
  /** What the input is called: going on with another one would skip the wrong lines. */
  readonly input: string;
  readonly resume: boolean;
}

/** One byte a line of input, grown as needed. */
class LineOutcomes {
  private bytes = new Uint8Array(1024);

  get(index: number): 'done' | 'failed' | null {
    const byte = this.bytes[index];
    if (byte === 1) return 'done';
    return byte === 2 ? 'failed' : null;
  }

  set(index: number, ok: boolean): void {
    if (index >= this.bytes.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(index + 1)));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes[index] = ok ? 1 : 2;
  }
}

/** More lines than a map can have; an index beyond is no joblog's. */
const indexMax = 2 ** 30;

async function readOutcomes(options: JoblogOptions, outcomes: LineOutcomes): Promise<void> {
  const file = await open(options.path).catch((error: unknown) => {
    throw usageError(`cannot read the joblog ${options.path}: ${fileFault(error)}`, error);
  });
  const stream = file.createReadStream();
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  try {
    await readEntries(
      createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }),
      options,
      outcomes,
    );
  } finally {
    stream.destroy();
    await closed;
  }
}

async function readEntries(
  lines: AsyncIterable<string>,
  options: JoblogOptions,
  outcomes: LineOutcomes,
): Promise<void> {
  let isFirst = true;
  for await (const line of lines) {
    const entry = parseEntry(line);
    if (isFirst) checkHeader(entry, options);
    isFirst = false;
    const index = entry?.index;
    const ok = entry?.ok;
    if (typeof index !== 'number' || typeof ok !== 'boolean') continue;
    if (Number.isInteger(index) && index >= 0 && index < indexMax) outcomes.set(index, ok);
  }
}

function checkHeader(entry: Record<string, unknown> | null, { path, task, input }: JoblogOptions): void {
  if (entry?.joblog !== 1) throw usageError(`${path} is no joblog of \`rondo map\``);
  if (entry.task !== task || entry.input !== input) {
    throw usageError(
      `the joblog ${path} is of task ${JSON.stringify(entry.task)} over ${JSON.stringify(entry.input)}: go on with these, or name another joblog`,
    );
  }
}

/** Null for a line that is no object: blank, or cut off when the machine went down. */
function parseEntry(line: string): Record<string, unknown> | null {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' ? (entry as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}
