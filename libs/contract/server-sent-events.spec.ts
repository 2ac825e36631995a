import { describe, expect, test } from 'vitest';
import { EventStreamBroken, EventStreamParser } from './server-sent-events.js';

function parse(text: string, chunkSize = text.length) {
  const parser = new EventStreamParser();
  const bytes = Buffer.from(text, 'utf8');
  const messages = [];
  for (let from = 0; from < bytes.length; from += chunkSize)
    messages.push(...parser.push(bytes.subarray(from, from + chunkSize)));
  return messages.map(({ event, data }) => [event, data]);
}

describe('an event stream', () => {
  const text =
    '\uFEFF: welcome\r\n\r\nevent: grant\r\ndata: {"a":1}\r\ndata:two\r\n\r\ndata: ü\n\nid: 7\rdata\r\r';
  const messages = [
    ['grant', '{"a":1}\ntwo'],
    ['message', 'ü'],
    ['message', ''],
  ];

  test.each([1, 2, 3, 5, 1000])('says the same in chunks of %i bytes', (size) => {
    expect(parse(text, size)).toEqual(messages);
  });

  test('that ends in the middle of a message leaves that out', () => {
    expect(parse('data: whole\n\ndata: half\n')).toEqual([['message', 'whole']]);
  });

  test('of one endless line is refused', () => {
    const parser = new EventStreamParser();
    expect(() => [...parser.push(Buffer.alloc(2 << 20, 'x'))]).toThrow(EventStreamBroken);
  });
});
