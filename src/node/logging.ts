import { isatty } from 'node:tty';
import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { LogEffect } from '../core/effects.js';
import type { LogLevel } from './config.js';
import { createRepeatLimiter } from './repeat-limiter.js';

/** Where a node writes what it does. A warning or an error that repeats is written once a minute, with a count and when it last was. */
export interface Logger {
  /**
   * `fields.from` says where it came from (an address, a node), `fields.id` and `fields.incarnation` of which life of which member it
   * speaks: the same text from elsewhere, or of another life, is another line. So a member's death is not told after its return.
   */
  log(level: LogEffect['level'], text: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Writes what is held back. Resolves when all is written, or after a second if nobody reads. */
  close(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Null: pretty where standard output is a terminal. */
  readonly pretty: boolean | null;
  /** Only tests write anywhere but standard output. */
  readonly descriptor?: number;
  readonly nowMs?: () => number;
}

const standardOutput = 1;
/** Lines wait here while the log's reader is slow; past it they are dropped, and counted: no reader may stop a node. */
const bytesWaitingMax = 4 * 1024 * 1024;
const closeGraceMs = 1_000;
const repeatLimits = { windowMs: 60_000, linesMax: 1_000 };
/** Nothing is meant to log these; if something does, this is the last net. */
const secretFields = ['clientToken', 'clusterKey', 'psk', 'token'];
const redact = { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '[secret]' };

interface Line {
  readonly level: LogEffect['level'];
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** JSON lines on standard output, as a daemon's supervisor wants them, or lines for people on a terminal. */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const output = createOutput(options.descriptor ?? standardOutput);
  const pretty = options.pretty ?? isatty(options.descriptor ?? standardOutput);
  const stream = pretty ? await prettyStream(output.write, options) : { write: output.write };
  const lines = pino(
    { level: options.level, base: null, redact, timestamp: pino.stdTimeFunctions.isoTime },
    stream,
  );
  return limitedLogger(lines, output, options.nowMs ?? (() => performance.now()));
}

function limitedLogger(lines: PinoLogger, output: Output, nowMs: () => number): Logger {
  const limiter = createRepeatLimiter<Line>(repeatLimits);
  let sweeping: NodeJS.Timeout | undefined;
  // What it says may be over by now, so it says when it was.
  const writeHeldBack = (all: boolean): void => {
    const atMs = nowMs();
    for (const { line, count, lastAtMs } of limiter.sweep(atMs, { all })) {
      const agoMs = Math.max(0, atMs - lastAtMs);
      const lastAt = new Date(Date.now() - agoMs).toISOString();
      lines[line.level](
        { ...withError(line.fields), repeated: count, lastAt },
        `${line.text} (${count} more like this, the last ${Math.round(agoMs / 1_000)}s ago)`,
      );
    }
  };
  const sweepLater = (): void => {
    sweeping ??= setTimeout(() => {
      sweeping = undefined;
      writeHeldBack(false);
      if (limiter.isHolding()) sweepLater();
    }, repeatLimits.windowMs).unref();
  };
  return {
    log: (level, text, fields = {}) => {
      if (!lines.isLevelEnabled(level)) return;
      const about = [fields.from, fields.id, fields.incarnation].map((value) => String(value ?? ''));
      const key = [level, ...about, text].join(' ');
      const isTrouble = level === 'warn' || level === 'error';
      if (isTrouble && !limiter.admit(key, { level, text, fields }, nowMs())) sweepLater();
      else lines[level](withError(fields), text);
    },
    close: () => {
      clearTimeout(sweeping);
      writeHeldBack(true);
      return output.close();
    },
  };
}

/** pino writes an error in full only under the name `err`. */
function withError({ error, ...fields }: Readonly<Record<string, unknown>>): object {
  return error === undefined ? fields : { ...fields, err: error };
}

interface Output {
  write(line: string): void;
  close(): Promise<void>;
}

/**
 * Writes without waiting, so that neither a slow reader nor a full disk holds the node up. A reader that is gone
 * (EPIPE) ends the output, not the node; after any other error the next line is tried again. The end of the process writes only
 * what can be written: left to itself the sink would try for ever, on a terminal that was closed (EIO) or a disk that is full.
 */
function createOutput(descriptor: number): Output {
  const sink = pino.destination({ dest: descriptor, sync: false, maxLength: bytesWaitingMax });
  let dropped = 0;
  let isWritten = true;
  let isFailing = false;
  let isClosed = false;
  let whenWritten: (() => void) | null = null;
  const allWritten = (): void => {
    isWritten = true;
    whenWritten?.();
  };
  // What can't be written is waited for no longer.
  sink.on('error', () => {
    isFailing = true;
    allWritten();
  });
  const flushSync = sink.flushSync.bind(sink);
  sink.flushSync = () => {
    if (!isFailing) flushSync();
  };
  sink.on('drop', () => {
    dropped += 1;
  });
  sink.on('drain', () => {
    isFailing = false;
    if (dropped === 0) {
      allWritten();
      return;
    }
    const count = dropped;
    dropped = 0;
    sink.write(
      `${JSON.stringify({ level: 40, msg: `${count} log lines were dropped: their reader was too slow` })}\n`,
    );
  });
  return {
    write: (line) => {
      if (isClosed) return;
      isWritten = false;
      sink.write(line);
    },
    close: () =>
      new Promise((resolve) => {
        const finish = (): void => {
          clearTimeout(deadline);
          if (!isClosed) sink.destroy();
          isClosed = true;
          resolve();
        };
        const deadline = setTimeout(finish, closeGraceMs);
        // The sink's own flush waits for nothing where nothing is gathered before it is written.
        if (isWritten) finish();
        else whenWritten = finish;
      }),
  };
}

/** Loaded only where somebody looks: pino-pretty costs 25 ms and 9 MB. */
async function prettyStream(
  write: (line: string) => void,
  options: LoggerOptions,
): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  const format = pretty.prettyFactory({
    colorize: isatty(options.descriptor ?? standardOutput) && !process.env.NO_COLOR,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
  });
  return { write: (line) => write(format(line)) };
}
