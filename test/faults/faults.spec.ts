import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ground } from './experiment.js';
import { experiments } from './experiments.js';
import { noTokenWithoutRecord } from './r10-no-token-without-record.js';
import { oneRefreshAtATime } from './r2-one-refresh-at-a-time.js';
import type { FaultStack, StackOptions } from './stack/fault-stack.js';
import { Laboratory } from './stack/laboratory.js';

// Most of an experiment is waiting: so many at once keep two cores busy, and no busier.
const atOnce = 3;
// The wait for one's turn included.
const timeout = 300_000;

let laboratory: Laboratory;
/** Whose Postgres may be killed. */
let mortal: Laboratory;
const running: Promise<unknown>[] = [];

beforeAll(async () => {
  [laboratory, mortal] = await Promise.all([Laboratory.open(), Laboratory.open()]);
});
afterAll(() => Promise.all([laboratory?.close(), mortal?.close()]));

/** Begins when one of those before has ended. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const place = running.length;
  const before = place < atOnce ? undefined : nthToEnd(place - atOnce + 1);
  const mine = Promise.resolve(before).then(work);
  running.push(mine.catch(() => undefined));
  return mine;
}

/** Resolves once `count` of those that have begun are over. */
function nthToEnd(count: number): Promise<void> {
  return new Promise((resolve) => {
    let over = 0;
    for (const one of running)
      void one.then(() => {
        over += 1;
        if (over === count) resolve();
      });
  });
}

describe.concurrent('the short form of npm run faults', { timeout }, () => {
  // Bars of time are for the full one: a busy machine decides nothing here.
  for (const { promise, title, run } of experiments)
    it(`${promise}: ${title}`, async () => {
      const place = promise === 'R11' ? mortal : laboratory;
      const outcome = await inTurn(() => run(place, 'short'));
      expect(outcome.breaches).toEqual([]);
      expect(outcome.lost).toBe(0);
      expect(outcome.faults).toBeGreaterThan(0);
      expect(outcome.operations).toBeGreaterThan(0);
    });
});

describe.concurrent('an experiment fails', { timeout }, () => {
  it('R10: when records vanish on their way into the audit log', async () => {
    const outcome = await inTurn(() =>
      noTokenWithoutRecord.run(
        sabotaged(async (stack) => {
          await stack.sql(
            `CREATE FUNCTION vanish() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
          );
          await stack.sql(
            `CREATE TRIGGER vanish BEFORE INSERT ON audit_event
             FOR EACH ROW WHEN (NEW.action = 'token.exchanged') EXECUTE FUNCTION vanish()`,
          );
        }),
        'short',
      ),
    );
    expect(outcome).toMatchObject({ verdict: 'broken' });
    expect(outcome.lost).toBeGreaterThan(0);
  });

  it('R2: when each refresh comes twice', async () => {
    const twice = ({ provider: { families } }: FaultStack) => {
      const arrive = families.arrive.bind(families);
      families.arrive = (token) => {
        const ends = [arrive(token), arrive(token)];
        return () => ends.forEach((end) => end());
      };
      return Promise.resolve();
    };
    const outcome = await inTurn(() => oneRefreshAtATime.run(sabotaged(twice), 'short'));
    expect(outcome).toMatchObject({ verdict: 'broken' });
  });
});

/** Something is wrong with every stack from its start. */
function sabotaged(sabotage: (stack: FaultStack) => Promise<void>): Ground {
  return {
    stack: async (options?: StackOptions) => {
      const stack = await laboratory.stack(options);
      await sabotage(stack);
      return stack;
    },
    killDatabase: () => laboratory.killDatabase(),
    startDatabase: () => laboratory.startDatabase(),
  };
}
