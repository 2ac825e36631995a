import { setTimeout as sleep } from 'node:timers/promises';
import { slow } from '#lib/testing/scripted-answer';
import { Tally } from '#lib/testing/tally';
import { answerFor } from './asking.js';
import type { DrillExperiment } from './drill-experiment.js';

const people = 30;
const callers = 100;

/** Many grants run out together, and everybody asks at once; then a hundred callers want the same one. */
export const herd: DrillExperiment = {
  promise: 'R7',
  title: 'No herd',
  run: async (stack) => {
    const tally = new Tally();
    const { families } = stack.provider;
    const everybody = await stack.connected(people, 1);
    await sleep(1_100);
    stack.provider.accessTokenTtl = 3_600;
    stack.provider.always('token', slow(100));
    families.mostInFlight = 0;
    const said = await Promise.all(everybody.map((person, i) => answerFor(stack, person, i)));
    tally.note('most in flight', families.mostInFlight);
    tally.hold(families.mostInFlight <= 10, `${families.mostInFlight} refreshes in flight at once`);

    const [one] = await stack.connected(1, 1);
    await sleep(1_100);
    stack.provider.accessTokenTtl = 3_600;
    const own = families.all.at(-1);
    const before = own?.attempts ?? 0;
    if (one) {
      const calls = Array.from({ length: callers }, (_, i) => answerFor(stack, one, i));
      said.push(...(await Promise.all(calls)));
    }
    const refreshes = (own?.attempts ?? 0) - before;
    stack.provider.always('token', undefined);
    tally.faults = 2;
    tally.operations = said.length;
    tally.note(`refreshes for ${callers} callers of one grant`, refreshes);
    tally.hold(refreshes <= 1, `${callers} callers of one grant: ${refreshes} refreshes`);
    for (const what of said) if (what !== 'token') tally.lose(`a caller in the herd: ${what}`);
    return tally.outcome();
  },
};
