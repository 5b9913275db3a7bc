import { execFileSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { arch, cpus, release, totalmem, type } from 'node:os';

/** Where a run was made: figures of different machines are not to be compared. */
export interface MachineFacts {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** What lies under the directory of the data: `ext4 on /dev/sda1`. */
  readonly disk: string;
  /** Of the code that was measured; with `+` where files were changed since. Null outside of a checkout. */
  readonly commit: string | null;
}

export function machineFacts(dataDirectory: string): MachineFacts {
  const [processor] = cpus();
  return {
    processor: processor?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Number((totalmem() / 2 ** 30).toFixed(1)),
    kernel: `${type()} ${release()} ${arch()}`,
    node: process.version,
    disk: diskOf(dataDirectory),
    commit: commit(),
  };
}

const tmpfsMagics: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** True where what is synced goes to no disk: in a file system in memory. */
export function isInMemory(directory: string): boolean {
  return tmpfsMagics.has(statfsSync(directory).type);
}

/** Processor time of all cores since the start of the machine, and what of it others took from this virtual machine, in ticks. */
export interface ProcessorTicks {
  readonly all: number;
  readonly stolen: number;
}

/** Linux only; else nothing was ever stolen. */
export function processorTicks(): ProcessorTicks {
  try {
    // cpu user nice system idle iowait irq softirq steal ...; the guest's time is in the user's already.
    const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
    const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number);
    return { all: ticks.reduce((sum, each) => sum + each, 0), stolen: ticks[7] ?? 0 };
  } catch {
    return { all: 0, stolen: 0 };
  }
}

/** What was stolen in between, in %. */
export function stealPercent(before: ProcessorTicks, after: ProcessorTicks): number {
  const all = after.all - before.all;
  return all <= 0 ? 0 : (100 * (after.stolen - before.stolen)) / all;
}

function diskOf(directory: string): string {
  try {
    const output = execFileSync('df', ['--output=fstype,source', directory], { encoding: 'utf8' });
    const [kind = '', device = ''] = output.trim().split('\n').at(-1)?.split(/\s+/) ?? [];
    return `${kind} on ${device}`;
  } catch {
    return 'unknown';
  }
}

function commit(): string | null {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git(
      'status',
      '--porcelain',
      '--untracked-files=no',
      '--',
      'src',
      'scripts',
      'package.json',
    );
    return `${git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : '+'}`;
  } catch {
    return null;
  }
}
