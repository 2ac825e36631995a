import { Tally } from '#lib/testing/tally';
import type { Experiment } from './experiment.js';
import { slow } from '#lib/testing/scripted-answer';
import type { FaultStack } from './stack/fault-stack.js';
import { until } from '#lib/testing/until';

/** All grants of a provider expire together; and a hundred callers want the same one at once. */
export const noHerd: Experiment = {
  promise: 'R7',
  title: 'No herd',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const [people, upstreams] = scale === 'full' ? [100, 100] : [6, 10];
    const stack = await laboratory.stack({ vaults: 2, upstreams });
    try {
      await stack.connected(people);
      const grants = people * upstreams;
      const { families } = stack.provider;
      stack.provider.always('token', slow(20));

      const startedMs = performance.now();
      await stack.expire(true);
      tally.faults += 1;
      const done = () => families.all.filter(({ refreshes }) => refreshes > 0).length;
      await until(() => done() === grants, { seconds: 60 + grants / 20 });
      tally.operations += grants;
      tally.note('grants expiring together', grants);
      tally.note('refreshed in, s', (performance.now() - startedMs) / 1000);
      tally.note('most in flight', families.mostInFlight);
      tally.hold(done() === grants, `only ${done()} of ${grants} were refreshed`);
      tally.hold(
        families.mostInFlight <= 10,
        `${families.mostInFlight} refreshes in flight at once`,
      );
      const twice = families.all.filter(({ attempts }) => attempts > 1).length;
      tally.hold(twice === 0, `${twice} grants were refreshed more than once`);

      await oneForMany(tally, stack);
      const ended = await stack.count(`user_grant WHERE status NOT IN ('active', 'refreshing')`);
      for (let i = 0; i < ended; i += 1) tally.lose('a grant that was refreshed in the herd');
      return tally.outcome();
    } finally {
      await stack.stop();
    }
  },
};

async function oneForMany(tally: Tally, stack: FaultStack): Promise<void> {
  const { families } = stack.provider;
  await stack.expire(false);
  const before = families.all.reduce((sum, { attempts }) => sum + attempts, 0);
  const person = stack.person('person-0');
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, i) => person.exchange('tool-0', i)),
  );
  const served = outcomes.filter(({ kind }) => kind === 'token').length;
  const after = families.all.reduce((sum, { attempts }) => sum + attempts, 0);
  tally.faults += 1;
  tally.operations += 100;
  tally.note('refreshes for 100 callers of one grant', after - before);
  tally.hold(served === 100, `${100 - served} of 100 callers of one grant were not served`);
  tally.hold(after - before === 1, `100 callers of one grant: ${after - before} refreshes`);
}
