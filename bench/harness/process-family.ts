import { readdirSync, readFileSync } from 'node:fs';
import { residentMemory } from '../cold/process-memory.js';
import { cpuMicros } from '../cpu-micros.js';

/** What a process and all that it started have used so far, and hold now. NaN where there is no /proc. */
export function costOf(pid: number | undefined): {
  readonly cpuMicros: number;
  readonly residentMiB: number;
} {
  const family = pid === undefined ? [] : familyOf(pid);
  const sum = (read: (one: number) => number) =>
    family.length === 0 ? Number.NaN : family.reduce((total, one) => total + read(one), 0);
  return {
    cpuMicros: sum((one) => cpuMicros(one) ?? Number.NaN),
    residentMiB: sum((one) => residentMemory(one).now),
  };
}

function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
        .split(' ')
        .filter((child) => child.trim() !== '')
        .map(Number),
    );
  } catch {
    return [];
  }
}
