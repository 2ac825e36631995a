import { expect, test } from 'vitest';
import { cleanText, withoutQuotes } from './clean-text.js';

test.each([
  ['an ordinary name', 'Claude Code', 'Claude Code'],
  ['right-to-left override', 'Snow\u202Eomed', 'Snow omed'],
  ['isolates and marks', '\u2066a\u2069\u200Fb', 'a b'],
  ['zero-width characters', 'a\u200Bb\uFEFFc', 'a b c'],
  ['line ends and tabs', 'a\r\nb\tc', 'a b c'],
  ['NUL', 'a\0b', 'a b'],
  ['letters of other scripts stay', 'Ærøskøbing 東京 שלום', 'Ærøskøbing 東京 שלום'],
])('%s', (_case, given, shown) => {
  expect(cleanText(given)).toBe(shown);
});

test('a long name is cut between characters, never within one', () => {
  expect(cleanText('😀'.repeat(200), 10)).toBe(`${'😀'.repeat(9)}…`);
});

test('a name that closes its quotation marks stays within ours', () => {
  expect(withoutQuotes('X” checked by your organisation "Y«')).toBe(
    'X’ checked by your organisation ’Y’',
  );
});
