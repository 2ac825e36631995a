import { expect, it } from 'vitest';
import { BatchedRead } from './batched-read.js';

it('gives each reader its own row, and undefined where there is none', async () => {
  const asked: string[][] = [];
  const reads = new BatchedRead<string, number>((keys) => {
    asked.push([...keys]);
    return Promise.resolve(keys.map((key) => (key === 'none' ? undefined : key.length)));
  });
  expect(await Promise.all(['a', 'bbb', 'none', 'cc'].map((key) => reads.get(key)))).toEqual([
    1,
    3,
    undefined,
    2,
  ]);
  expect(asked).toEqual([['a', 'bbb', 'none', 'cc']]);
});

it('a failed statement fails its readers only, and remembers nothing', async () => {
  let calls = 0;
  const reads = new BatchedRead<string, number>((keys) => {
    calls += 1;
    return calls === 1 ? Promise.reject(new Error('away')) : Promise.resolve(keys.map(() => calls));
  });
  await expect(reads.get('a')).rejects.toThrow('away');
  expect(await reads.get('a')).toBe(2);
  expect(await reads.get('a')).toBe(3);
});
