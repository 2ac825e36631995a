import { setTimeout as sleep } from 'node:timers/promises';
import type { Rotation } from '#lib/testing/refresh-families';
import { slow } from '#lib/testing/scripted-answer';
import type { Person } from '#lib/testing/stack-person';
import { Tally } from '#lib/testing/tally';
import { answerFor, recovered } from './asking.js';
import type { DrillExperiment } from './drill-experiment.js';
import type { DrillStack } from './drill-stack.js';

const callers = 12;
const rounds = 6;
const rotations: readonly Rotation[] = [{ kind: 'strict' }, { kind: 'grace', graceMs: 2_000 }];

/** Tokens run out again and again while many want them, at a provider that punishes reuse and at one that has a grace. */
export const rotationRaces: DrillExperiment = {
  promise: 'R2',
  title: 'One refresh in flight per grant',
  run: async (stack) => {
    const tally = new Tally();
    for (const rotation of rotations) await races(tally, stack, rotation);
    return tally.outcome();
  },
};

async function races(tally: Tally, stack: DrillStack, rotation: Rotation): Promise<void> {
  const { families } = stack.provider;
  families.rotation = rotation;
  const before = families.all.length;
  const people = await stack.connected(4, 1);
  stack.provider.always('token', slow(150));
  for (let round = 0; round < rounds; round += 1) await everybodyAtOnce(tally, stack, people);
  stack.provider.always('token', undefined);
  await recovered(tally, stack, people);
  const own = families.all.slice(before);
  const sum = (of: 'attempts' | 'overlaps' | 'reuses') =>
    own.reduce((total, family) => total + family[of], 0);
  tally.note(`refreshes, ${rotation.kind}`, sum('attempts'));
  tally.note(`overlaps, ${rotation.kind}`, sum('overlaps'));
  tally.hold(sum('overlaps') === 0, `${sum('overlaps')} refreshes of one grant overlapped`);
  tally.hold(sum('reuses') === 0, `${sum('reuses')} times a used refresh token came again`);
}

async function everybodyAtOnce(
  tally: Tally,
  stack: DrillStack,
  people: readonly Person[],
): Promise<void> {
  await sleep(1_100);
  const asked = people.flatMap((person) =>
    Array.from({ length: callers }, (_, i) => answerFor(stack, person, i)),
  );
  const said = await Promise.all(asked);
  tally.faults += 1;
  tally.operations += said.length;
  for (const one of said) if (one === 'interaction') tally.lose('a grant that was wanted by many');
}
