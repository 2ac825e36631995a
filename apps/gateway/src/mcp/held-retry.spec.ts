import { describe, expect, it } from 'vitest';
import { HeldRetries } from './held-retry.js';

describe('retries that are held', () => {
  it('are at most eight for one person and upstream', () => {
    const held = new HeldRetries();
    const leaves = Array.from({ length: 8 }, () => held.enter('alice'));
    expect(held.enter('alice')).toBeUndefined();
    expect(held.enter('bob')).toBeDefined();
    leaves[0]?.();
    leaves[0]?.();
    expect(held.enter('alice')).toBeDefined();
    expect(held.enter('alice')).toBeUndefined();
  });

  it('are at most a thousand at one replica', () => {
    const held = new HeldRetries();
    const leaves = Array.from({ length: 1000 }, (_, i) => held.enter(`person ${i}`));
    expect(held.enter('one more')).toBeUndefined();
    leaves[500]?.();
    expect(held.enter('one more')).toBeDefined();
  });
});
