import { hang } from '#lib/testing/scripted-answer';
import type { Experiment } from './experiment.js';
import { percentile, Tally } from '#lib/testing/tally';
import { until } from '#lib/testing/until';

const hung = 20;
const readers = 4;

/** Twenty refreshes hang; whoever has a valid token must not notice. */
export const hungProvider: Experiment = {
  promise: 'R9',
  title: 'A hung provider does not slow reads',
  when: 'alone',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const reads = scale === 'full' ? 20_000 : 400;
    const stack = await laboratory.stack({ vaults: 1 });
    try {
      const people = await stack.connected(hung + readers);
      const unlucky = people.slice(0, hung);
      await stack.sql(
        `UPDATE access_token SET issued_at = now() - interval '2 hours', expires_at = now() - interval '1 hour'
          WHERE grant_id IN (SELECT id FROM user_grant WHERE subject = ANY ($1))`,
        [unlucky.map(({ name }) => name)],
      );
      stack.provider.always('token', hang);
      const waiting = unlucky.map((person) => person.exchange());
      const { families } = stack.provider;
      tally.hold(
        await until(() => families.inFlight > 0, { seconds: 10 }),
        'no refresh hangs at all',
      );
      tally.faults += hung;
      const times = await readAll();
      tally.operations += times.length;
      tally.note('reads p50, ms', percentile(times, 0.5));
      tally.within('reads p99', percentile(times, 0.99), 50);
      const outcomes = await Promise.all(waiting);
      const asked = outcomes.filter(({ kind }) => kind === 'interaction').length;
      tally.hold(asked === 0, `${asked} people were asked to consent because the provider hung`);
      return tally.outcome();

      async function readAll(): Promise<readonly number[]> {
        const measured: number[] = [];
        const read = async (person: (typeof people)[number]) => {
          for (let i = 0; i < reads / readers; i += 1) {
            const startedMs = performance.now();
            const { kind } = await person.exchange();
            measured.push(performance.now() - startedMs);
            if (kind !== 'token') tally.lose(`a read of a stored token: ${kind}`);
          }
        };
        await Promise.all(people.slice(hung).map(read));
        return measured;
      }
    } finally {
      await stack.stop();
    }
  },
};
