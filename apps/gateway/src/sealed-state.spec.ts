import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SealBroken } from '#lib/sealing/message';
import { StateSealer } from './sealed-state.js';

const key = () => ({ id: randomBytes(16), key: randomBytes(32) });
const first = key();
const sealer = new StateSealer([first], 'gateway-1');

describe('state that the gateway seals', () => {
  it('opens at every replica with the same key', () => {
    const sealed = sealer.seal('session', '/mcp/demo', { nonce: 'n' });
    expect(new StateSealer([first], 'gateway-1').open('session', '/mcp/demo', sealed)).toEqual({
      nonce: 'n',
    });
  });

  it('is different each time and shows nothing', () => {
    const seal = () => sealer.seal('session', '/mcp/demo', { subject: 'alice' });
    expect(seal()).not.toBe(seal());
    expect(Buffer.from(seal(), 'base64url').toString('latin1')).not.toContain('alice');
  });

  it.each([
    ['another purpose', 'request-state', '/mcp/demo', sealer],
    ['another route', 'session', '/mcp/other', sealer],
    ['another gateway', 'session', '/mcp/demo', new StateSealer([first], 'gateway-2')],
    ['another key', 'session', '/mcp/demo', new StateSealer([key()], 'gateway-1')],
  ])('does not open for %s', (_what, purpose, route, other) => {
    const sealed = sealer.seal('session', '/mcp/demo', {});
    expect(() => other.open(purpose, route, sealed)).toThrow(SealBroken);
  });

  it('still opens what the key before sealed, after a rotation', () => {
    const sealed = sealer.seal('session', '/mcp/demo', { nonce: 'n' });
    const rotated = new StateSealer([key(), first], 'gateway-1');
    expect(rotated.open('session', '/mcp/demo', sealed)).toEqual({ nonce: 'n' });
    expect(() =>
      sealer.open('session', '/mcp/demo', rotated.seal('session', '/mcp/demo', {})),
    ).toThrow(SealBroken);
  });

  it('has one spelling: what Node would also decode is refused', () => {
    const sealed = sealer.seal('session', '/mcp/demo', { n: 1 });
    for (const other of [
      `${sealed}=`,
      `${sealed}\n`,
      ` ${sealed}`,
      sealed.replace(/.$/, '$&!'),
      '',
    ])
      expect(() => sealer.open('session', '/mcp/demo', other)).toThrow(SealBroken);
  });
});
