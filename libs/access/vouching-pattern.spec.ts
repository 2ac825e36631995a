import { describe, expect, test } from 'vitest';
import { mayVouch } from './vouching-pattern.js';

describe('row 8, a wide pattern: what anybody can publish or register is known by its whole id only', () => {
  test.each([
    ['*', 'self-registered:a:1', false],
    ['self-registered:*', 'self-registered:a:1', false],
    ['*', 'https://evil.example/client.json', false],
    ['https://*', 'https://evil.example/client.json', false],
    ['https://app.example*', 'https://app.example.evil.example/x', false],
    ['https://*.app.example/*', 'https://evil.example/x.app.example/client.json', false],
    ['https://*/client.json', 'https://evil.example/client.json', false],
    ['https://app.example/*', 'https://app.example/client.json', true],
    ['https://*.app.example/*', 'https://a.app.example/client.json', true],
    ['*', 'cli', true],
  ])('%s of %s: %s', (pattern, clientId, may) => {
    expect(mayVouch(pattern, clientId)).toBe(may);
  });
});
