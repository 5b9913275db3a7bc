import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import type { AttemptOutcome } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { Payload } from '../core/payload.js';
import { type Attempt, type Runner, type RunnerListener, stoppedOutcome } from './attempt.js';
import { attemptVariables } from './attempt-variables.js';
import { CommandOutput, type CommandStream, commandResult } from './command-output.js';
import { cut } from './handler-result.js';

/** A task that is a program: JSON on its standard input; its standard output is the result, or a stream. */
export interface CommandTask {
  readonly name: string;
  /** Program and arguments, given as they are: no shell. */
  readonly command: readonly string[];
  readonly timeoutMs?: number;
  readonly concurrency?: number;
  readonly retries?: number;
  /** Added to the node's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stream?: CommandStream;
}

export interface CommandRunnerOptions {
  readonly commands: readonly CommandTask[];
  readonly node: string;
  readonly env: NodeJS.ProcessEnv;
  /** From SIGTERM to SIGKILL. */
  readonly abortGraceMs: number;
  readonly listener: RunnerListener;
}

/** The end of standard error that an error's message quotes, in characters. */
const stderrTailLengthMax = 1_500;
/** A program that has ended but whose output is held open by one that it left behind is waited for no longer. */
const outputDrainMsMax = 1_000;

/** Runs each attempt as a child process, the leader of a process group that is ended with it. */
export class CommandRunner implements Runner {
  private readonly options: CommandRunnerOptions;
  private readonly commands: ReadonlyMap<string, CommandTask>;
  private readonly running = new Map<Attempt, CommandRun>();
  private whenEmpty: (() => void) | null = null;
  /** A node that exits at once must not leave programs behind. */
  private readonly onExit = () => {
    for (const run of this.running.values()) run.signal('SIGKILL');
  };

  constructor(options: CommandRunnerOptions) {
    this.options = options;
    this.commands = new Map(options.commands.map((command) => [command.name, command]));
    if (this.commands.size > 0) process.on('exit', this.onExit);
  }

  begin(attempt: Attempt): void {
    const { env, node } = this.options;
    const command = this.commands.get(attempt.start.task) as CommandTask;
    this.options.listener.started(attempt);
    try {
      const run = new CommandRun(attempt, command, {
        env: { ...env, ...attemptVariables(attempt.start, node), ...command.env },
        ended: (outcome) => this.ended(attempt, outcome),
        chunk: (chunk) => this.options.listener.chunk(attempt, chunk),
      });
      this.running.set(attempt, run);
    } catch (error) {
      // Most reasons come as an event; the length of the argument list, for one, is thrown.
      setImmediate(() => this.ended(attempt, startFailure(error as Error, command)));
    }
  }

  stop(attempt: Attempt): void {
    this.running.get(attempt)?.stop(this.options.abortGraceMs);
  }

  answer(): void {
    // A program asks nothing.
  }

  giveRoom(attempt: Attempt, upTo: number): void {
    this.running.get(attempt)?.giveRoom(upTo);
  }

  async close(): Promise<void> {
    if (this.running.size > 0) {
      await new Promise<void>((resolve) => {
        this.whenEmpty = resolve;
        for (const run of this.running.values()) run.stop(this.options.abortGraceMs);
      });
    }
    process.off('exit', this.onExit);
  }

  /** Ends what runs without asking it first. */
  kill(): void {
    for (const run of this.running.values()) run.kill();
  }

  private ended(attempt: Attempt, outcome: AttemptOutcome): void {
    this.running.delete(attempt);
    this.options.listener.ended(attempt, outcome);
    if (this.running.size === 0) this.whenEmpty?.();
  }
}

interface CommandRunOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly ended: (outcome: AttemptOutcome) => void;
  readonly chunk: (chunk: Payload) => void;
}

function startFailure(error: Error, { cwd }: CommandTask): AttemptOutcome {
  // The system's error names the program, whichever of the two is missing.
  const isCwdThere = cwd === undefined || statSync(cwd, { throwIfNoEntry: false })?.isDirectory() === true;
  const check = isCwdThere
    ? "check its name and the node's PATH"
    : `its \`cwd\` ${cwd} is not a directory: make it, or correct the task`;
  const message = cut(`the program could not be started (${error.message}); ${check}`);
  return { type: 'failed', error: { name: 'CommandFailed', message }, final: false };
}

/** One child process. */
class CommandRun {
  private readonly attempt: Attempt;
  private readonly command: CommandTask;
  private readonly ended: CommandRunOptions['ended'];
  private readonly child: ChildProcess;
  private readonly output: CommandOutput | null;
  private errorTail = '';
  private startError: Error | null = null;
  private isStopping = false;
  private isFinished = false;
  private killTimer: NodeJS.Timeout | null = null;
  private drainTimer: NodeJS.Timeout | null = null;

  constructor(attempt: Attempt, command: CommandTask, options: CommandRunOptions) {
    this.attempt = attempt;
    this.command = command;
    this.ended = options.ended;
    const [program = '', ...args] = command.command;
    this.child = spawn(program, args, {
      env: options.env,
      cwd: command.cwd,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.child.on('error', (error) => {
      this.startError ??= error;
      // Without a process there may be no other event.
      if (this.child.pid === undefined) this.finish(null, null);
    });
    this.child.on('exit', () => this.endGroup());
    this.child.on('close', (code, signal) => this.finish(code, signal));
    const { stdout } = this.child;
    this.output =
      stdout &&
      new CommandOutput(stdout, command.stream ?? null, options.chunk, () => this.signal('SIGKILL'));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errorTail = (this.errorTail + text).slice(-stderrTailLengthMax);
    });
    // It need not read its arguments: EPIPE is no fault.
    this.child.stdin?.on('error', () => {});
    const { args: payload } = attempt.start;
    this.child.stdin?.end(typeof payload === 'string' ? `${payload}\n` : payload);
  }

  stop(graceMs: number): void {
    if (this.isStopping) return;
    this.isStopping = true;
    this.output?.release();
    this.signal('SIGTERM');
    this.killTimer = setTimeout(() => this.signal('SIGKILL'), graceMs);
  }

  kill(): void {
    this.isStopping = true;
    this.output?.release();
    this.signal('SIGKILL');
  }

  giveRoom(upTo: number): void {
    this.output?.giveRoom(upTo);
  }

  /** Reaches what the program started, too. */
  signal(signal: NodeJS.Signals): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // The group is gone: that is what was wanted.
    }
  }

  private endGroup(): void {
    this.signal('SIGKILL');
    this.drainTimer = setTimeout(() => {
      // What it has written may wait for a slow reader; that is not held open by anybody.
      if (this.output?.isWaiting) return this.endGroup();
      this.child.stdout?.destroy();
      this.child.stderr?.destroy();
    }, outputDrainMsMax);
  }

  private finish(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.isFinished) return;
    this.isFinished = true;
    if (this.killTimer !== null) clearTimeout(this.killTimer);
    if (this.drainTimer !== null) clearTimeout(this.drainTimer);
    this.ended(this.outcome(code, signal));
  }

  private outcome(code: number | null, signal: NodeJS.Signals | null): AttemptOutcome {
    const { stopping } = this.attempt;
    if (this.output?.isOverLimit) {
      const what = this.command.stream === 'lines' ? 'a line of its output' : 'its output';
      const message = `${what} is over ${limits.bodyBytesMax} bytes; have it write a file and print where`;
      return { type: 'failed', error: { name: 'BadResult', message }, final: true };
    }
    if (this.startError !== null && this.child.pid === undefined)
      return startFailure(this.startError, this.command);
    if (code === 0) return this.doneOutcome();
    if (this.isStopping) return stopping === null ? { type: 'displaced' } : stoppedOutcome(stopping);
    return {
      type: 'failed',
      error: { name: 'CommandFailed', message: this.failure(code, signal) },
      final: false,
    };
  }

  private doneOutcome(): AttemptOutcome {
    if (this.command.stream !== undefined) return { type: 'done', result: 'null' };
    const result = commandResult(this.output?.text() ?? '');
    if (result.length * 3 <= limits.bodyBytesMax || Buffer.byteLength(result) <= limits.bodyBytesMax) {
      return { type: 'done', result };
    }
    const message = `its output, as a JSON string, is over ${limits.bodyBytesMax} bytes; have it write a file and print where`;
    return { type: 'failed', error: { name: 'BadResult', message }, final: true };
  }

  private failure(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal === null ? `exit code ${code}` : `ended by ${signal}`;
    const tail = this.errorTail.trim();
    return cut(tail === '' ? how : `${how}: ${tail}`);
  }
}
