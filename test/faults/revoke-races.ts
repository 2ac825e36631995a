import { setTimeout as sleep } from 'node:timers/promises';
import { slow } from '#lib/testing/scripted-answer';
import { fresh } from './stack/fault-stack.js';
import type { FaultStack } from './stack/fault-stack.js';
import type { Tally } from '#lib/testing/tally';

const atOnce = 4;

/** Revoked while a refresh of the same grant is in flight: it must never come back, here or at the provider. */
export async function revokeRaces(tally: Tally, stack: FaultStack, races: number): Promise<void> {
  const names: string[] = [];
  stack.provider.always('token', slow(15));
  const run = async (): Promise<void> => {
    while (names.length < races) {
      const name = fresh('racer');
      names.push(name);
      await race(tally, stack, name);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  // What is still under way may yet do harm.
  await sleep(2_000);
  for (const [i, name] of names.entries()) {
    const { kind } = await stack.person(name).exchange('tool-0', i);
    if (kind !== 'interaction') tally.lose(`a revoked grant answers ${kind}`);
  }
  const back = await stack.count(`user_grant WHERE status <> 'revoked' AND subject LIKE 'racer-%'`);
  const alive = stack.provider.families.all.filter(
    ({ subject, revoked }) => subject.includes('racer-') && !revoked,
  ).length;
  tally.note('races of revoke and refresh', names.length);
  tally.note('resurrections', back);
  tally.note('left alive at the provider', alive);
  tally.hold(back === 0, `${back} revoked grants came back`);
  tally.hold(alive === 0, `${alive} refresh tokens were left alive at the provider`);
}

async function race(tally: Tally, stack: FaultStack, name: string): Promise<void> {
  const person = stack.person(name);
  await person.connect();
  await stack.sql(
    `UPDATE access_token SET issued_at = now() - interval '2 hours', expires_at = now() - interval '1 hour'
      WHERE grant_id = (SELECT id FROM user_grant WHERE subject = $1)`,
    [name],
  );
  const refreshing = person.exchange('tool-0', 0);
  await sleep(Math.random() * 45);
  await stack.revoke(name);
  await refreshing;
  tally.faults += 1;
  tally.operations += 1;
}
