import { type ChildProcess, spawn } from 'node:child_process';
import { endGroup, membersOfGroup } from '../../scripts/process-group.js';

/** One bash in which lines are typed one after the other, as a reader of a document would. */
export interface BashSession {
  /** Types a line; resolves to what was printed until it was done. Commands with `&` go on. */
  type(line: string): Promise<string[]>;
  /** Command lines of processes that were started in it and still run after a moment's grace; none where there is no /proc. */
  leftBehind(): Promise<string[]>;
  /** Ends bash and everything that was started in it. */
  end(): Promise<void>;
}

export interface BashSessionOptions {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  /** How long one line may take. */
  readonly lineTimeoutMs: number;
}

/** Ended like this, whatever becomes of the test: bash sees the end of its input and takes its jobs with it. */
const preparation = [
  'exec 2>&1',
  "trap 'kill -9 $(jobs -p) 2>/dev/null' EXIT",
  'shopt -s expand_aliases',
  'set +m',
].join('\n');

/** What bash says of a job that a signal ended; on a terminal too, and there it is no output of the command either. */
const jobMessage = /^\S*bash: line \d+: +\d+ (Killed|Terminated)\b/;

/** Starts a bash in a process group of its own. It reads no start-up file, but knows aliases as one at a keyboard does. */
export function startBash(options: BashSessionOptions): BashSession {
  const child = spawn('bash', ['--noprofile', '--norc'], {
    cwd: options.directory,
    env: options.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const onExit = (): void => endGroup(child.pid);
  process.once('exit', onExit);
  const closed = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  const reader = new OutputReader(child);
  child.stdin.on('error', () => {}); // bash that ended is told by the reader.
  child.stdin.write(`${preparation}\n`);
  return {
    type: async (line) => {
      child.stdin.write(`${line}\n${reader.mark()}\n`);
      const printed = await reader.untilMark(options.lineTimeoutMs);
      return printed.filter((each) => !jobMessage.test(each));
    },
    leftBehind: async () => {
      const members = await membersOfGroup(child.pid);
      return members.filter((member) => !member.startsWith(`${child.pid}:`));
    },
    end: async () => {
      endGroup(child.pid);
      await closed;
      process.off('exit', onExit);
    },
  };
}

/** Cuts the output at the marks that bash is told to print after each line. */
class OutputReader {
  private text = '';
  private marks = 0;
  private hasEnded = false;
  private notice: () => void = () => {};

  constructor(child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
      this.notice();
    });
    child.once('exit', () => {
      this.hasEnded = true;
      this.notice();
    });
  }

  /** The command that prints the next mark. */
  mark(): string {
    return `echo "--- line ${++this.marks} is done ---"`;
  }

  untilMark(timeoutMs: number): Promise<string[]> {
    const mark = `--- line ${this.marks} is done ---\n`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(`not done after ${timeoutMs / 1000} s`), timeoutMs);
      const fail = (what: string): void => {
        clearTimeout(timer);
        this.notice = () => {};
        reject(new Error(`${what}; printed until then:\n${this.text}`));
      };
      this.notice = () => {
        const at = this.text.indexOf(mark);
        if (at < 0) {
          if (this.hasEnded) fail('bash has ended');
          return;
        }
        clearTimeout(timer);
        this.notice = () => {};
        const printed = this.text.slice(0, at).replace(/\n$/, '');
        this.text = this.text.slice(at + mark.length);
        resolve(printed === '' ? [] : printed.split('\n'));
      };
      this.notice();
    });
  }
}
