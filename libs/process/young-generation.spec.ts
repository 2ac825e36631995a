import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const sizes = `
import { getHeapSpaceStatistics } from 'node:v8';
const { growUnderLoad } = await import('#lib/process/young-generation');
const kept = [];
const mebibytes = () => {
  for (let i = 0; i < 400_000; i += 1) kept.push({ i });
  return getHeapSpaceStatistics().find((one) => one.space_name === 'new_space').space_size / 2 ** 20;
};
const before = mebibytes();
growUnderLoad();
console.log(JSON.stringify([before, mebibytes()]));
`;

test('what a start allocates does not make the young generation grow, what comes after it does', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--eval',
    sizes,
  ]);
  const [before = Number.NaN, after = Number.NaN] = JSON.parse(stdout) as number[];
  expect(before).toBeLessThanOrEqual(4);
  expect(after).toBeGreaterThan(8);
});
