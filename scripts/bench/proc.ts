import { readFileSync } from 'node:fs';

/** Linux counts processor time in these, whatever the kernel's own tick is. */
const ticksPerSecond = 100;

/** Processor time that a process and all its threads have used so far, in ms by steps of 10. Linux only; else NaN. */
export function cpuMs(pid: number): number {
  try {
    // pid (command) state ... utime stime: the 14th and 15th fields, and the 12th and 13th behind the command.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}

/** Memory that a process holds, in MiB of resident pages. Linux only; else NaN. */
export function residentMiB(pid: number): number {
  return statusMiB(pid, 'VmRSS');
}

/** The most it has held so far. */
export function residentPeakMiB(pid: number): number {
  return statusMiB(pid, 'VmHWM');
}

function statusMiB(pid: number, field: string): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}
