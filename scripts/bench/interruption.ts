/** Why a run is to end before it is done. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** What the process is to end with then. */
  exitCode(): number;
}

const interruptedExitCode = 130;
/** As of a program that SIGPIPE ends. */
const readerGoneExitCode = 141;
const unwritableExitCode = 2;

/**
 * Ends what is measured in order at Ctrl-C, when the process or its terminal is ended, and when nobody reads its output any more. A second signal
 * does not wait for that.
 */
export function watchInterruptions(tell: (line: string) => void): Interruption {
  const controller = new AbortController();
  let exitCode = interruptedExitCode;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(exitCode);
      controller.abort();
      tell('Ending what is measured ...');
    });
  }
  const onError = (error: NodeJS.ErrnoException): void => {
    // A terminal that is gone takes no last words.
    if (controller.signal.aborted) return;
    exitCode = error.code === 'EPIPE' ? readerGoneExitCode : unwritableExitCode;
    process.exitCode = exitCode;
    controller.abort();
    if (error.code !== 'EPIPE') tell(`the output cannot be written (${error.message}): make room for it`);
  };
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onError);
  return { signal: controller.signal, exitCode: () => exitCode };
}
