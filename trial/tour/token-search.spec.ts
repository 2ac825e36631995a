import { expect, it } from 'vitest';
import { searchFor } from './token-search.js';

const head = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImF1ZCI6Imh0dHA6Ly9zbm93ZGVtbyJ9';
const jwt = `${head}.${'abcdefghij'.repeat(6)}`;
const sibling = `${head}.${'jihgfedcba'.repeat(6)}`;

it.each([
  ['a whole token', `{"x":"${jwt}"}`, true],
  ['one that lost its ends', jwt.slice(20, -8), true],
  ['its signature alone', jwt.split('.')[2] ?? '', true],
  ['another token with the same claims', sibling, false],
  ['nothing', '', false],
])('finds a token in a text, and no other: %s', (_what, text, found) => {
  expect(searchFor(text, jwt)).toBe(found);
});

it('finds a short code whole', () => {
  expect(searchFor('?code=0123456789', '0123456789')).toBe(true);
  expect(searchFor('?code=012345', '0123456789')).toBe(false);
});
