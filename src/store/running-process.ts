import { readFileSync } from 'node:fs';

/** Names one run of a process for good: process ids are used again, also by the same program after a reboot. */
export interface RunningProcess {
  readonly pid: number;
  /** Boot of the machine and start within it, from /proc; null where there is no /proc. */
  readonly birth: string | null;
}

export function thisProcess(): RunningProcess {
  return { pid: process.pid, birth: birthOf(process.pid) };
}

/** Whether that very process still runs. Where births can't be read, any process with its id counts. */
export function isRunning({ pid, birth }: RunningProcess): boolean {
  if (!signalReaches(pid)) return false;
  const birthNow = birthOf(pid);
  return birth === null || birthNow === null || birth === birthNow;
}

/** Signal 0 is never delivered; a process of another user answers EPERM, and is there all the same. */
function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Field 22 of /proc/PID/stat (proc(5)): the start, in clock ticks since boot. A zombie has ended: it holds nothing. */
function birthOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 2 is the program's name in parentheses, which may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : `${boot}/${fields[19]}`;
  } catch {
    return null;
  }
}
