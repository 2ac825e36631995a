import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { compiled } from '../test/faults/stack/nodes.js';
import type { Scale } from './scale.js';

/** As an operator does it, while the vaults run and people call. */
export async function partitionUnderReads(
  { people }: Pick<Scale, 'people'>,
  databaseUrl: string,
  partitions: string,
): Promise<void> {
  let moving = true;
  const answers = new Map<string, number>();
  let longestMs = 0;
  const reading = people.map(async (person) => {
    while (moving) {
      const started = performance.now();
      const { kind } = await person.exchange();
      longestMs = Math.max(longestMs, performance.now() - started);
      answers.set(kind, (answers.get(kind) ?? 0) + 1);
      await sleep(100);
    }
  });
  const script = [compiled('migrations/main.js'), '--partition-grants', partitions];
  const env = { ...process.env, SYMBOLON_DATABASE_URL: databaseUrl };
  const { stdout } = await promisify(execFile)(process.execPath, script, { env });
  moving = false;
  await Promise.all(reading);
  const counts = [...answers].map(([kind, count]) => `${count} ${kind}`).join(', ');
  console.log(`  ${stdout.trim().split('\n').at(-1)}`);
  console.log(
    `  exchanges meanwhile: ${counts}; the longest took ${(longestMs / 1000).toFixed(1)} s`,
  );
}
