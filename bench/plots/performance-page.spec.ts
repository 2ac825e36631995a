import { describe, expect, it } from 'vitest';
import type { Figure, Measurement } from '../harness/bench-case.js';
import type { BenchRecord } from '../harness/bench-record.js';
import { inDigits, ratioTo } from './figures.js';
import { plotFiles, withResults } from './performance-page.js';

const figure = (unit: string, ...rounds: readonly number[]): Figure => ({ unit, rounds });
const load = { method: 'POST', bytes: 1024, connections: 64, pace: 'full' };

function measurement(subject: string, figures: Measurement['figures'], more = {}): Measurement {
  return { subject, load: { ...load, ...more }, figures, failures: 0 };
}

function recordOf(result: Partial<BenchRecord['result']>): BenchRecord {
  return {
    ...{ format: 1, case: 'http', title: 'calls & <proxies>', commit: 'a'.repeat(40) },
    ...{ changed: false, date: '2026-11-21T22:00:00.000Z', tookSeconds: 3 },
    machine: {
      ...{ cpu: 'CPU', cpus: 2, memoryGiB: 8, node: 'v20.20.2' },
      ...{ platform: 'linux x64 6.1', loadBefore: 0 },
    },
    effort: { rounds: 3, seconds: 1.5, budgetSeconds: 60 },
    result: { measurements: [], bars: [], skipped: [], ...result },
  };
}

const empty = '<!-- results: http -->\nold\n<!-- end of results -->';
const shown = (record: BenchRecord, page = empty) => withResults(page, new Map([['http', record]]));
const plotsOf = (record: BenchRecord) => plotFiles(new Map([['http', record]]));

const bare = measurement('bare node:http + undici', {
  throughput: figure('req/s', 40_000, 20_000, 42_000),
});
const ours = measurement('Symbolon /http/{upstream}', {
  throughput: figure('req/s', 36_000, 19_000, 36_400),
  p50: figure('ms', 0.5, 0.6, 0.55),
});

describe('the page', () => {
  it('has medians, ours in bold, and a dash where a figure is missing', () => {
    const text = shown(recordOf({ measurements: [bare, ours] }));
    expect(text).toContain('|  | throughput, req/s | p50, ms |');
    expect(text).toContain('| bare node:http + undici | 40,000 | – |');
    expect(text).toContain('| **Symbolon /http/{upstream}** | 36,000 | 0.550 |');
    expect(text).not.toContain('old');
  });

  it('names who was skipped, and why', () => {
    const skipped = [{ subject: 'HAProxy, no JWT', why: 'haproxy is not installed' }];
    const text = shown(recordOf({ measurements: [ours], skipped }));
    expect(text).toContain('- Not measured here: HAProxy, no JWT (haproxy is not installed).');
  });

  it('shows each bar as met or missed, and what is no number as missed', () => {
    const limit = { atLeast: 0.85 };
    const bars = [
      { promise: 'kept', measured: 0.9, limit },
      { promise: 'broken', measured: 0.8, limit },
      { promise: 'unknown', measured: Number.NaN, limit },
      { promise: 'bounded', measured: 0.4, limit: { atMost: 0.5 } },
    ];
    const page = '<!-- results: bars -->\n<!-- end of results -->';
    const text = shown(recordOf({ bars }), page);
    expect(text).toContain('| kept | ≥ 0.85 | 0.900 | met |');
    expect(text).toContain('| broken | ≥ 0.85 | 0.800 | **missed** |');
    expect(text).toContain('| unknown | ≥ 0.85 | not measured | **missed** |');
    expect(text).toContain('| bounded | ≤ 0.5 | 0.400 | met |');
  });

  it('says of one round, and of a machine with other work, what they are', () => {
    const once = measurement('upstream directly', { throughput: figure('req/s', 100_000) });
    const record = recordOf({ measurements: [once] });
    const text = shown({ ...record, machine: { ...record.machine, loadBefore: 9 } });
    expect(text).toContain('one round of 1.5 s');
    expect(text).toContain('**The machine had other work (load 9)');
    const svg = plotsOf(record).get('http-throughput.svg') ?? '';
    expect(svg).toContain('One round: how much it wavers is not known.');
    expect(svg).not.toContain('class="w"');
  });

  it('says of a case without results how to get them', () => {
    expect(withResults(empty, new Map())).toContain('Not measured yet: `npm run bench -- http`.');
  });

  it('is the same after it was written twice', () => {
    const once = shown(recordOf({ measurements: [bare, ours] }));
    expect(shown(recordOf({ measurements: [bare, ours] }), once)).toBe(once);
  });
});

describe('plots', () => {
  it('leave out what the run has not, and are not there where nothing is left', () => {
    const fewer = measurement(ours.subject, ours.figures, { connections: 16 });
    const plots = plotsOf(recordOf({ measurements: [bare, ours, fewer] }));
    expect([...plots.keys()]).not.toContain('http-cpu.svg');
    const lines = plots.get('http-throughput-by-connections.svg');
    expect(lines).toContain('connections. Symbolon /http/{upstream}: 36,000 req/s at 64, ');
    expect(lines).not.toContain('bare');
    expect(plotsOf(recordOf({})).size).toBe(0);
  });

  it('tell those who do not see them the numbers', () => {
    const svg = plotsOf(recordOf({ measurements: [bare, ours] })).get('http-throughput.svg');
    expect(svg).toContain(
      '<desc id="d">Bars of throughput. bare node:http + undici: 40,000 req/s; Symbolon /http/{upstream}: 36,000 req/s (0.900 of bare).</desc>',
    );
  });

  it('are drawn where a round gave nothing, or zero', () => {
    const broken = measurement('upstream directly', {
      throughput: figure('req/s', JSON.parse('null') as number, 5),
      p50: figure('ms', 0, 1),
    });
    const fewer = measurement(broken.subject, broken.figures, { connections: 16 });
    const plots = plotsOf(recordOf({ measurements: [broken, fewer, ours] }));
    expect(plots.size).toBe(3);
    for (const svg of plots.values()) expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('put no text above another and none outside, however many and long the names are', () => {
    const measurements = Array.from({ length: 8 }, (_, i) =>
      [1, 16, 64, 256].map((connections) =>
        measurement(
          i === 0 ? 'Symbolon /http/{upstream}' : `a proxy & <another> of number ${i}`,
          {
            throughput: figure('req/s', 1_000 + i, 1_100 + i, 1_200),
            p50: figure('ms', 1 + i / 1000, 1.1, 1.2),
            'CPU per request': figure('µs', 0.001, 1_234_567, 3),
          },
          { connections },
        ),
      ),
    ).flat();
    const plots = plotsOf(recordOf({ measurements }));
    expect(plots.size).toBe(4);
    for (const svg of plots.values()) expect(collisions(svg)).toEqual([]);
  });
});

describe('figures', () => {
  it('have three digits that count', () => {
    const texts = [27_134, 120_400, 36.24, 3.1, 0.8431, 0.01734, 0, Number.NaN].map(inDigits);
    expect(texts).toEqual([...['27,100', '120,000', '36.2', '3.10', '0.843', '0.0173', '0', '–']]);
  });

  it('are divided round by round: a slow round slows both', () => {
    expect(ratioTo(ours, bare, 'throughput')).toBe(0.9);
    expect(ratioTo(ours, bare, 'p50')).toBeUndefined();
  });
});

/** Texts that lie on each other or leave the picture, by a guess at their widths. */
function collisions(svg: string): string[] {
  const texts = [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)"([^>]*)>([^<]*)</g)].map(
    ([, x, y, attributes = '', said = '']) => {
      const size = Number(/font-size="(\d+)"/.exec(attributes)?.[1] ?? 13);
      const length = said.replaceAll(/&\w+;/g, '&').length * size * 0.55;
      const anchor = /text-anchor="(\w+)"/.exec(attributes)?.[1];
      const before = anchor === 'end' ? length : anchor === 'middle' ? length / 2 : 0;
      const left = Number(x) - before;
      return { said, left, right: left + length, bottom: Number(y), top: Number(y) - size * 0.75 };
    },
  );
  const outside = texts.filter(({ left, right }) => left < 0 || right > 760);
  const above = texts.flatMap((one, i) =>
    texts
      .slice(i + 1)
      .filter(
        (other) =>
          one.left < other.right &&
          other.left < one.right &&
          one.top < other.bottom &&
          other.top < one.bottom,
      )
      .map((other) => `${one.said} / ${other.said}`),
  );
  return [...outside.map(({ said }) => said), ...above];
}
