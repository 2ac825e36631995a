import { expect, it } from 'vitest';
import { storableJson } from './storable-json.js';

it.each([
  ['what is fine is left alone', { a: 'é 😀 \\u0000', b: [1, null, true] }],
  ['an empty object', {}],
])('%s', (_name, value) => {
  expect(JSON.parse(storableJson(value))).toEqual(value);
});

it('what Postgres refuses in jsonb is replaced, wherever it stands', () => {
  const value = { 'k\0': ['a\0b', { c: 'x\ud800y' }], d: '\udc00😀' };
  const clean = { 'k\uFFFD': ['a\uFFFDb', { c: 'x\uFFFDy' }], d: '\uFFFD😀' };
  expect(JSON.parse(storableJson(value))).toEqual(clean);
});
