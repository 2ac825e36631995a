import { setTimeout as sleep } from 'node:timers/promises';
import { beginDue } from './fall-due.js';
import type { Scale } from './scale.js';
import type { Times } from './summary.js';

const idlePoll = 'SELECT c.id AS \\"oauthClientId\\"';
const plain = (beginning: string) => beginning.replaceAll('\\', '');
const claim = 'WITH due AS (';
const claimed = 200;

export interface CostOfLooking {
  readonly poll: Times;
  readonly claim: Times;
  /** How user_grant was read. */
  readonly scans: readonly string[];
}

/** What the vaults' own looks cost while nothing is due, and taking on some that are; each must not grow with the table. Each vault looks once a second of `idleSeconds`. */
export async function costOfLooking(
  { stack, log, provider }: Pick<Scale, 'stack' | 'log' | 'provider'>,
  idleSeconds = 12,
): Promise<CostOfLooking> {
  await log.sample(100);
  await sleep(idleSeconds * 1000);
  const poll = await log.timesOf(plain(idlePoll));
  const pollScans = await log.scansOf(idlePoll, () => sleep(3_000));
  provider.watch(5);
  await log.sample(100);
  await beginDue(stack, 'provider', claimed);
  while (provider.refreshes < claimed) await sleep(50);
  const times = await log.timesOf(claim);
  const claimScans = await log.scansOf(claim, async () => {
    provider.watch(5);
    await beginDue(stack, 'provider', 20);
    while (provider.refreshes < 20) await sleep(50);
  });
  await log.sample(0);
  return {
    poll,
    claim: times,
    scans: [`look: ${pollScans.join(', ')}`, `claim: ${claimScans.join(', ')}`],
  };
}

export async function looksMeanwhile(log: Scale['log']): Promise<{ poll: Times; claim: Times }> {
  return { poll: await log.timesOf(plain(idlePoll)), claim: await log.timesOf(claim) };
}
