import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchRecord } from '../harness/bench-record.js';

/** The records that `npm run bench` left in a folder, by case; a folder that is not there holds none. */
export function recordsIn(folder: string): ReadonlyMap<string, BenchRecord> {
  const records = filesOf(folder).map((file) => {
    const record = JSON.parse(readFileSync(join(folder, file), 'utf8')) as BenchRecord;
    if (record.format !== 1) throw new Error(`${file}: an unknown format of results`);
    return [record.case, record] as const;
  });
  return new Map(records);
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .sort();
  } catch {
    return [];
  }
}
