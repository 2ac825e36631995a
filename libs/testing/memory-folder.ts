import { mkdtempSync, statfsSync } from 'node:fs';
import { availableMemory } from 'node:process';
import { join } from 'node:path';

/** What a folder of this kind is called, after the process that made it. */
export const memoryFolderPrefix = 'symbolon-test-memory-';

/** A file system in memory, on Linux. */
export const memoryRoot = '/dev/shm';

// A whole run holds less than one at a time, most of it write-ahead logs.
const bytesWanted = 4 * 2 ** 30;

/**
 * A new folder in memory, undefined where there is no room for one. To make and to drop a database is a thousand
 * files: with a disk under them that is most of what a test costs.
 */
export function memoryFolder(): string | undefined {
  if (availableMemory() < 2 * bytesWanted || roomAt(memoryRoot) < bytesWanted) return undefined;
  return mkdtempSync(join(memoryRoot, `${memoryFolderPrefix}${process.pid}-`));
}

function roomAt(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}
