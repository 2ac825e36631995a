import { expect, it } from 'vitest';
import { Rounds } from './rounds.js';

it('goes on by itself after a failure, one round at a time, until it is stopped', async () => {
  const errors: unknown[] = [];
  let rounds = 0;
  let underWay = 0;
  const background = new Rounds(
    async () => {
      underWay += 1;
      expect(underWay).toBe(1);
      rounds += 1;
      await new Promise((resolve) => setTimeout(resolve, 2));
      underWay -= 1;
      if (rounds === 1) throw new Error('the first');
      return 0;
    },
    { everyMs: 5, onError: (error) => errors.push(error) },
  );
  background.start();
  await expect.poll(() => rounds).toBeGreaterThan(3);
  await background.stop();
  expect(underWay).toBe(0);
  const before = rounds;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(rounds).toBe(before);
  expect(errors).toEqual([expect.objectContaining({ message: 'the first' })]);
});
