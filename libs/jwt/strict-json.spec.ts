import { expect, test } from 'vitest';
import { parseStrictJson } from './strict-json.js';

test.each([
  '{"a":1,"b":{"a":2},"c":[{"a":1},{"a":1}]}',
  '["a","a"]',
  '{"a":"b","b":"a:"}',
  '{"a":"\\"a\\":1"}',
  '"text"',
  '{"proto":"__proto__"}',
])('%s means what JSON.parse says', (text) => {
  expect(parseStrictJson(text)).toEqual(JSON.parse(text));
});

test.each([
  ['a duplicate key', '{"sub":"alice","sub":"bob"}'],
  ['a duplicate key, spelled with an escape', '{"sub":"alice","s\\u0075b":"bob"}'],
  ['a duplicate key further down', '{"a":[{"b":{"c":1,"d":[],"c":2}}]}'],
  ['__proto__', '{"__proto__":{"admin":true}}'],
  ['__proto__ in disguise', '{"\\u005f_proto__":{}}'],
  ['33 levels', '['.repeat(33) + ']'.repeat(33)],
  ['100,000 levels', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['a byte order mark', '\ufeff{}'],
  ['a trailing comma', '{"a":1,}'],
  ['two values', '{}{}'],
  ['nothing', ''],
])('%s is refused', (_name, text) => {
  expect(() => parseStrictJson(text)).toThrow(SyntaxError);
});
