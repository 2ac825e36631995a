import { setTimeout as sleep } from 'node:timers/promises';
import * as answers from '#lib/testing/scripted-answer';
import { Tally } from '#lib/testing/tally';
import { answerFor, recovered } from './asking.js';
import type { DrillExperiment } from './drill-experiment.js';

const faults = [
  answers.status(500),
  answers.status(503, {}, { 'retry-after': '1' }),
  answers.tooManyRequests(),
  answers.tooManyRequests(1),
  answers.garbage,
  answers.html,
  answers.halfResponse,
  answers.dropAfterWork,
  answers.dropBeforeWork,
];

/** Whatever a provider may say that is no refusal of the refresh token: each grant recovers by itself. */
export const transientFaults: DrillExperiment = {
  promise: 'R8',
  title: 'Transient faults destroy nothing',
  run: async (stack) => {
    const tally = new Tally();
    const { families } = stack.provider;
    families.rotation = { kind: 'grace', graceMs: 120_000 };
    const people = await stack.connected(3, 1);
    for (const fault of faults) {
      await sleep(1_100);
      stack.provider.script('token', ...people.map(() => fault));
      const said = await Promise.all(people.map((person, i) => answerFor(stack, person, i)));
      tally.faults += said.length;
      tally.operations += said.length;
      const asked = said.filter((one) => one === 'interaction').length;
      tally.hold(asked === 0, `${asked} people were asked to consent`);
      await recovered(tally, stack, people);
    }
    return tally.outcome();
  },
};
