import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { rewrittenEvents } from './rewrite-stream.js';

const events = [
  ': a comment\n\n',
  'id: 1\r\ndata: {"a":\r\ndata: "é"}\r\n\r\n',
  'data: {"a":2}\r\r',
  'data: {"a":3}\n\r\n',
  'data: {"a":4}',
];

async function passed(pieces: readonly Buffer[]): Promise<string> {
  const rewrite = (json: string) => JSON.stringify({ seen: JSON.parse(json).a });
  return text(Readable.from(pieces).pipe(rewrittenEvents(rewrite)));
}

test.each([1, 2, 3, 5, 8, 13, 1000])(
  'filter evasion by pieces: events cut into %i bytes are judged as whole ones',
  async (size) => {
    const bytes = Buffer.from(events.join(''));
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    expect((await passed(pieces)).match(/\{.*\}/g)).toEqual([
      '{"seen":"é"}',
      '{"seen":2}',
      '{"seen":3}',
      '{"seen":4}',
    ]);
  },
);
