import { RondoError } from '../core/errors.js';
import { fileFault, reportFailure } from './failure.js';

/** `rondo nodes | head -1`: a reader that has seen enough is no failure. */
export function endQuietly(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EPIPE') reportFailure(unwritable(error));
  process.exit();
}

/** As of a program that SIGPIPE ends. */
const readerGoneExitCode = 141;

/**
 * From now on, when nobody reads the output any more, `cleanUp` runs and the process ends, quietly but not with 0. For
 * commands whose work is not done when their output is not read. What it gives takes that back, once the work is done.
 */
export function endUnfinished(cleanUp: () => Promise<void>): () => void {
  let isEnding = false;
  const onError = async (error: NodeJS.ErrnoException): Promise<void> => {
    if (isEnding) return;
    isEnding = true;
    await cleanUp();
    if (error.code === 'EPIPE') process.exitCode = readerGoneExitCode;
    else reportFailure(unwritable(error));
    process.exit();
  };
  const streams = [process.stdout, process.stderr];
  for (const stream of streams) stream.off('error', endQuietly).on('error', onError);
  return () => {
    for (const stream of streams) stream.off('error', onError).on('error', endQuietly);
  };
}

/** The disk is full, for example. */
function unwritable(error: NodeJS.ErrnoException): RondoError {
  return new RondoError('OUTPUT_FAILED', `cannot write the output: ${fileFault(error)}`, { cause: error });
}
