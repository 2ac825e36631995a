import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { growthPercent } from './heap-growth.js';

const mebibyte = 2 ** 20;

test('a small heap grows as V8 means it to, a large one by a fifth', () => {
  const sizes = [20, 47, 49, 97, 400];
  expect(sizes.map((size) => growthPercent(size * mebibyte))).toEqual([0, 0, 50, 20, 20]);
});

/** Keeps 150 MiB, then makes garbage that lives for a while; prints how far the heap grew. */
const growing = `
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
if (process.argv[1] === 'bounded') setFlagsFromString('--heap-growing-percent=20');
const made = (n) => Array.from({ length: n }, (_, i) => ({ i, name: 'x' + i }));
const kept = made(800_000);
let most = 0;
const waiting = [];
for (let round = 0; round < 200; round += 1) {
  waiting.push(made(10_000));
  if (waiting.length > 20) waiting.shift();
  most = Math.max(most, getHeapStatistics().used_heap_size);
}
console.log(kept.length > 0 ? most : 0);
`;

test('V8 takes that as a bound while it runs', async () => {
  const most = async (how: string): Promise<number> => {
    const args = ['--input-type=module', '--eval', growing, how];
    return Number((await promisify(execFile)(process.execPath, args)).stdout);
  };
  const [bounded, unbounded] = await Promise.all([most('bounded'), most('unbounded')]);
  expect(bounded).toBeLessThan(unbounded);
});
