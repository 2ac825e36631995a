import { readFile } from 'node:fs/promises';
import type { FaultStack } from './stack/fault-stack.js';
import { percentile } from '#lib/testing/tally';
import type { Tally } from '#lib/testing/tally';

/**
 * How long a refreshed token exists nowhere but in the memory of one process: from the provider's answer to the
 * commit. A crash in this gap loses the grant where a used refresh token is never taken again.
 */
export async function measuredGap(
  tally: Tally,
  stack: FaultStack,
  refreshes: number,
): Promise<void> {
  const person = stack.person('person-0');
  const family = stack.provider.families.all.find(({ subject }) => subject.endsWith('person-0'));
  const answeredAt: number[] = [];
  for (let i = 0; i < refreshes; i += 1) {
    await stack.expire(false);
    await person.exchange();
    answeredAt.push(family?.answeredAt ?? 0);
  }
  const committedAt = await refreshedTimes(stack.vaults[0]?.log ?? '');
  const gaps = answeredAt.map((at, i) => (committedAt[i] ?? Infinity) - at);
  tally.hold(committedAt.length === refreshes, 'not every refresh was logged');
  tally.note('gap between answer and commit p50, ms', percentile(gaps, 0.5));
  tally.note('gap p99, ms', percentile(gaps, 0.99));
}

/** When the log says that refreshes were committed, epoch milliseconds. */
async function refreshedTimes(log: string): Promise<readonly number[]> {
  const lines = (await readFile(log, 'utf8')).split('\n');
  return lines
    .filter((line) => line.includes('"grant.refreshed"'))
    .map((line) => Date.parse((JSON.parse(line) as { time: string }).time));
}
