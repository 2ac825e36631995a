import { expect, it } from 'vitest';
import { createRequestId } from './request-id.js';

it('a request id is req_ and 26 characters that survive being read out', () => {
  expect(createRequestId()).toMatch(/^req_[0-9a-hjkmnp-tv-z]{26}$/);
});

it('request ids sort by time', () => {
  const ids = [1, 31, 32, 1_000, 1_700_000_000_000].map((ms) => createRequestId(ms));
  expect(ids.toSorted()).toEqual(ids);
});

it('request ids of one millisecond differ', () => {
  expect(new Set(Array.from({ length: 1000 }, () => createRequestId(7))).size).toBe(1000);
});
