import { expect, test } from 'vitest';
import { parseExact, printExact } from './exact-json.js';

test.each([
  '{"id":9007199254740993,"x":[1.0,1e5,-0.10,0]}',
  '{"text":"9007199254740993 and 1.0 in \\"quotes\\" \\\\","n":12345678901234567890}',
  '{"deep":{"a":[{"b":123456789012345678901234567890.5}]}}',
  '{"unicode":"\\u0001 ünï \\\\\\" 1.0"}',
])('%s is printed as it was read', (text) => {
  expect(JSON.parse(printExact(parseExact(text)))).toEqual(JSON.parse(text));
  expect(printExact(parseExact(text)).replaceAll('\\u0001', '')).toBe(
    text.replaceAll('\\u0001', ''),
  );
});

test('what is added beside it is printed as ever', () => {
  const read = parseExact('{"big":18446744073709551615}') as object;
  expect(printExact({ ...read, small: 1, half: 0.5 })).toBe(
    '{"big":18446744073709551615,"small":1,"half":0.5}',
  );
});

test('a string that looks like a mark of another process stays a string', () => {
  const text = '{"a":"number-000000000000000000000000:12","b":1.0}';
  expect(printExact(parseExact(text))).toBe(text);
});

test('ten megabytes in one string are read', () => {
  const text = JSON.stringify({ blob: 'QUJD1.0'.repeat(1_500_000), n: 1 });
  expect(printExact(parseExact(text))).toBe(text);
});
