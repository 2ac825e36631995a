import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { upstreamOf } from '../gateway-fixture.js';
import { RateWindows } from './rate-windows.js';
import { UpstreamLimits } from './upstream-limits.js';

const minute = 60_000;

function limitsAt(limits: NonNullable<ReturnType<typeof upstreamOf>['limits']>) {
  const clock = { now: 1_000_000, monotonicMs: () => clock.now };
  const refused: string[] = [];
  const upstream = upstreamOf('reports', 'https://api.example', { limits });
  const counted = new UpstreamLimits(clock, (slug, limit) => refused.push(`${slug} ${limit}`));
  return { clock, refused, upstream, limits: counted };
}

describe('calls in a minute', () => {
  test('one person’s calls are bounded, others’ are not affected', () => {
    const { limits, upstream, refused } = limitsAt({ personPerMinute: 3 });
    const kinds = [1, 2, 3, 4].map(() => limits.count('alice', upstream)?.kind);
    expect(kinds).toEqual(['counted', 'counted', 'counted', 'limited']);
    expect(limits.count('bob', upstream)?.kind).toBe('counted');
    expect(refused).toEqual(['reports personPerMinute']);
  });

  test('everybody together is bounded; a refused call uses up nobody’s own quota', () => {
    const { limits, upstream, clock } = limitsAt({ personPerMinute: 3, perMinute: 2 });
    expect(limits.count('alice', upstream)?.kind).toBe('counted');
    expect(limits.count('bob', upstream)?.kind).toBe('counted');
    for (let i = 0; i < 10; i += 1)
      expect(limits.count('carol', upstream)).toMatchObject({ limit: 'perMinute' });
    clock.now += minute + 6_000;
    expect(limits.count('carol', upstream)).toMatchObject({
      fields: [
        'ratelimit-policy',
        '"person";q=3;w=60, "upstream";q=2;w=60',
        'ratelimit',
        expect.stringMatching(/^"person";r=2;t=\d+, "upstream";r=1;t=\d+$/),
      ],
    });
  });

  test('no sixty seconds hold more than the quota, however the calls are timed', () => {
    const { limits, upstream, clock } = limitsAt({ personPerMinute: 20 });
    const taken: number[] = [];
    // Bursts at odd times over ten minutes.
    for (let step = 0; step < 2_000; step += 1) {
      clock.now += (step * 7_919) % 613;
      if (limits.count('alice', upstream)?.kind === 'counted') taken.push(clock.now);
    }
    const worst = Math.max(
      ...taken.map((from) => taken.filter((at) => at >= from && at < from + minute).length),
    );
    expect(worst).toBe(20);
  });

  test('Retry-After is when a call is taken again, and not before', () => {
    const { limits, upstream, clock } = limitsAt({ personPerMinute: 1 });
    limits.count('alice', upstream);
    clock.now += 1_000;
    const refusal = limits.count('alice', upstream);
    if (refusal?.kind !== 'limited') throw new Error('taken');
    expect(refusal).toMatchObject({ code: 'too-many-requests' });
    expect(refusal.headers).toMatchObject({
      'ratelimit-policy': '"person";q=1;w=60',
      ratelimit: `"person";r=0;t=${refusal.headers['retry-after']}`,
    });
    clock.now += Number(refusal.headers['retry-after']) * 1000;
    expect(limits.count('alice', upstream)?.kind).toBe('counted');
  });

  test('without limits nothing is counted', () => {
    const { limits, upstream } = limitsAt({ streams: 1 });
    expect(limits.count('alice', upstream)).toBeUndefined();
    const request = { headers: {}, rawHeaders: [] } as unknown as IncomingMessage;
    const free = upstreamOf('free', 'https://x.example');
    expect(limits.admit('alice', free, request)).toBeUndefined();
  });
});

describe('row 30, a flood of subjects', () => {
  test('memory is bounded, and nobody who is limited is let in again by it', () => {
    const windows = new RateWindows(100, 10);
    const alice = windows.of('alice', 0);
    alice.used(0);
    alice.count();
    for (let i = 0; i < 10_000; i += 1) {
      const window = windows.of(`subject-${i}`, 1_000);
      window.used(1_000);
      window.count();
    }
    expect(windows.size).toBeLessThanOrEqual(110);
    expect(windows.of('alice', 1_000)).toBe(alice);
    expect(windows.of('alice', 1_000).used(1_000)).toBe(1);
  });

  test('what is over is forgotten as others come', () => {
    const windows = new RateWindows(100, 10);
    for (let i = 0; i < 100; i += 1) {
      const window = windows.of(`old-${i}`, 0);
      window.used(0);
      window.count();
    }
    for (let i = 0; i < 200; i += 1) windows.of(`new-${i}`, 2 * minute);
    expect(windows.of('new-199', 2 * minute)).toBe(windows.of('new-199', 2 * minute));
    expect(windows.size).toBeLessThanOrEqual(110);
  });
});

describe('streams at once', () => {
  test('one person’s and everybody’s; a place that is left twice is left once', () => {
    const { limits, upstream } = limitsAt({ personStreams: 2, streams: 3 });
    const first = limits.openStream('alice', upstream);
    expect(limits.openStream('alice', upstream).kind).toBe('place');
    expect(limits.openStream('alice', upstream)).toMatchObject({ limit: 'personStreams' });
    expect(limits.openStream('bob', upstream).kind).toBe('place');
    expect(limits.openStream('carol', upstream)).toMatchObject({ limit: 'streams' });
    if (first.kind !== 'place') throw new Error('refused');
    first.leave();
    first.leave();
    expect(limits.openStream('carol', upstream).kind).toBe('place');
    expect(limits.openStream('dave', upstream)).toMatchObject({ limit: 'streams' });
  });
});
