import { readFileSync } from 'node:fs';

const kibPerMib = 1024;

/** Resident memory of a process in MiB: now, and the most that it ever was. NaN where there is no /proc. */
export function residentMemory(pid: number | undefined): {
  readonly now: number;
  readonly most: number;
} {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / kibPerMib;
    return { now: field('VmRSS'), most: field('VmHWM') };
  } catch {
    return { now: Number.NaN, most: Number.NaN };
  }
}
