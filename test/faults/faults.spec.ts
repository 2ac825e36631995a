import { afterAll, beforeAll, expect, it } from 'vitest';
import { experiments } from './experiments.js';
import { Laboratory } from './stack/laboratory.js';

let laboratory: Laboratory;

beforeAll(async () => {
  laboratory = await Laboratory.open();
});
afterAll(() => laboratory?.close());

// Bars of time are for `npm run faults`: a busy machine decides nothing here.
it.each(experiments)('$promise in short: $title', async ({ run }) => {
  const outcome = await run(laboratory, 'short');
  expect(outcome.breaches).toEqual([]);
  expect(outcome.lost).toBe(0);
  expect(outcome.faults).toBeGreaterThan(0);
  expect(outcome.operations).toBeGreaterThan(0);
});
