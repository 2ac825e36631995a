import { expect, test } from 'vitest';
import { terminalText } from './terminal-text.js';

test('row 7, an injected name: it steers no terminal, and stays readable', () => {
  const name = 'alice\u001B[2K\u001B]0;x\u0007\u009B1A\rIntact\u202Etxet';
  expect(terminalText(name)).toBe('alice\uFFFD[2K\uFFFD]0;x\uFFFD\uFFFD1A\uFFFDIntact\uFFFDtxet');
  expect(terminalText('línea 1\n\tlínea 2 ✓')).toBe('línea 1\n\tlínea 2 ✓');
});
