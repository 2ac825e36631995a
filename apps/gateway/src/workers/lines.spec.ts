import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { numberedLines } from './numbered-lines.js';
import { passWholeLines } from './whole-lines.js';

it('each line says which worker wrote it, those that are written together too', () => {
  const written: string[] = [];
  const numbered = numberedLines({ write: (lines) => written.push(lines) }, 2);
  numbered.write('{"event":"a","text":"x\\n{y"}\n{"event":"b"}\n');
  expect(
    written
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { worker: 2, event: 'a', text: 'x\n{y' },
    { worker: 2, event: 'b' },
  ]);
});

it('lines that come in pieces are passed on whole, and what a dead one left unfinished as its last', async () => {
  const written: string[] = [];
  const [one, other] = [new PassThrough(), new PassThrough()];
  const to = { write: (lines: string) => written.push(lines) };
  const passed = [passWholeLines(one, to), passWholeLines(other, to)];
  const snowman = Buffer.from('☃');
  one.write(Buffer.concat([Buffer.from('first '), snowman.subarray(0, 1)]));
  other.write('other\n');
  await expect.poll(() => written).toEqual(['other\n']);
  one.write(Buffer.concat([snowman.subarray(1), Buffer.from('\nsecond')]));
  one.end();
  other.end();
  await Promise.all(passed);
  expect(written).toEqual(['other\n', 'first ☃\n', 'second\n']);
});
