import { expect, test } from 'vitest';
import { peerOf } from '../inbound/peer-of.js';
import { AnonymousCalls } from './anonymous-calls.js';

const calls = () => {
  const clock = { now: 0, monotonicMs: () => clock.now };
  return { clock, anonymous: new AnonymousCalls(clock) };
};

test('flood: sixty calls at once, then ten a second, from each address', () => {
  const { clock, anonymous } = calls();
  const call = (address: string) => {
    const wait = anonymous.enter(address);
    if (wait === 0) anonymous.leave(address);
    return wait;
  };
  expect(Array.from({ length: 60 }, () => call('a')).every((wait) => wait === 0)).toBe(true);
  expect([call('a'), call('b')]).toEqual([1, 0]);
  clock.now = 500;
  expect(Array.from({ length: 6 }, () => call('a'))).toEqual([0, 0, 0, 0, 0, 1]);
});

test('flood: sixteen calls open at once from one address', () => {
  const { anonymous } = calls();
  expect(Array.from({ length: 17 }, () => anonymous.enter('a')).at(-1)).toBe(1);
  anonymous.leave('a');
  expect(anonymous.enter('a')).toBe(0);
});

test('flood: addresses without end do not fill the memory, and open calls stay counted', () => {
  const { anonymous } = calls();
  for (let n = 0; n < 16; n += 1) anonymous.enter('busy');
  for (let n = 0; n < 20_000; n += 1) {
    anonymous.enter(`a${n}`);
    anonymous.leave(`a${n}`);
  }
  expect(anonymous.size).toBeLessThanOrEqual(10_000);
  expect(anonymous.enter('busy')).toBe(1);
});

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::9', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
])('%s counts as %s', (remoteAddress, peer) => {
  expect(peerOf({ socket: { remoteAddress } as never })).toBe(peer);
});
