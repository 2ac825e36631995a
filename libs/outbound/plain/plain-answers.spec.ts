import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AddressRules } from '../address-rules.js';
import { CheckedAgent } from '../checked-agent.js';
import { MalformedChunks } from './chunked-body.js';
import { ask, RawOrigin, type Heard } from './raw-origin-fixture.js';

let origin: RawOrigin;

beforeAll(async () => {
  origin = await RawOrigin.start();
});
afterAll(() => origin.close());

const ok = 'HTTP/1.1 200 OK\r\n';
const hello = `${ok}content-type: text/plain\r\ncontent-length: 5\r\n\r\nhello`;
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;

function checkedAgent(): CheckedAgent {
  const rules = new AddressRules({ mode: 'development', allow: [] });
  return new CheckedAgent(rules, () => Promise.resolve(['127.0.0.1']));
}

/** The same answer, read by us and by undici alone. */
async function bothHear(pieces: readonly string[]): Promise<{ ours: Heard; undicis: Heard }> {
  origin.says(pieces);
  const own = checkedAgent();
  const agent = new Agent();
  const options = { headersTimeout: 200, bodyTimeout: 200 };
  const [ours, undicis] = await Promise.all([
    ask(own, origin.url, options),
    ask(agent, origin.url, options),
  ]);
  await Promise.all([own.end(), agent.destroy()]);
  return { ours, undicis };
}

function comparable({ status, headers, body, end }: Heard): object {
  return { status, headers: { ...headers }, body, end };
}

describe('an answer is read as undici reads it', () => {
  test.each([
    ['by its length', [hello]],
    ['byte by byte', hello.split('')],
    ['head and body apart', [hello.slice(0, -5), 'hel', 'lo']],
    ['a head in two', [hello.slice(0, 30), hello.slice(30)]],
    ['of no bytes', [`${ok}content-length: 0\r\n\r\n`]],
    ['204', ['HTTP/1.1 204 No Content\r\nx: y\r\n\r\n']],
    ['304', ['HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n']],
    ['in chunks', [`${chunked}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`]],
    ['chunks byte by byte', [chunked, ...'5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'.split('')]],
    ['chunks with extensions', [`${chunked}5;a=b;c="d"\r\nhello\r\n0;last\r\n\r\n`]],
    ['chunks with trailers', [`${chunked}5\r\nhello\r\n0\r\nx-sum: 1\r\nx-two: 2\r\n\r\n`]],
    ['chunks in capitals', [`${chunked}A\r\n0123456789\r\n00\r\n\r\n`]],
    ['to the end of the connection', [`${ok}content-type: text/plain\r\n\r\nhello`, 'FIN']],
    ['HTTP/1.0', ['HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello']],
    ['after interim answers', [`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${hello}`]],
    ['a field twice', [`${ok}x-a: 1\r\nX-A: 2\r\nx-a: 3\r\ncontent-length: 0\r\n\r\n`]],
    ['cookies', [`${ok}set-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n`]],
    [
      'names that objects have',
      [`${ok}constructor: 1\r\ntostring: 2\r\ncontent-length: 0\r\n\r\n`],
    ],
    ['a value of no bytes', [`${ok}x:\r\ncontent-length: 0\r\n\r\n`]],
    ['a value with spaces', [`${ok}x: \t a b \t\r\ncontent-length: 0\r\n\r\n`]],
    ['a value beyond ASCII', [`${ok}x: caf\xe9\r\ncontent-length: 0\r\n\r\n`]],
    ['no reason', ['HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok']],
    ['no reason and no space', ['HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok']],
    ['its connection’s last', [`${ok}connection: close\r\ncontent-length: 2\r\n\r\nok`]],
    ['an error', ['HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno']],
  ])('%s', async (_name, pieces) => {
    const { ours, undicis } = await bothHear(pieces);
    expect(comparable(ours)).toEqual(comparable(undicis));
    expect(ours.end).toBe('ended');
  });

  test.each([
    [
      'request smuggling: a length twice',
      [`${ok}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!`],
    ],
    [
      'request smuggling: a length beside a coding',
      [`${ok}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
    ],
    ['a list of lengths', [`${ok}content-length: 5, 5\r\n\r\nhello`]],
    ['a negative length', [`${ok}content-length: -5\r\n\r\nhello`]],
    ['a length with a sign', [`${ok}content-length: +5\r\n\r\nhello`]],
    ['a size that is none', [`${chunked}x\r\nhello\r\n0\r\n\r\n`]],
    ['a negative size', [`${chunked}-5\r\nhello\r\n0\r\n\r\n`]],
    ['a chunk that is longer than it says', [`${chunked}3\r\nhello\r\n0\r\n\r\n`]],
    ['a body that breaks off', [hello.slice(0, -2), 'FIN']],
    ['chunks that break off', [`${chunked}5\r\nhel`, 'FIN']],
    ['a head that breaks off', [hello.slice(0, 20), 'FIN']],
    ['nothing', ['FIN']],
    ['a head without end', [`${ok}x: ${'y'.repeat(20_000)}`]],
    ['no HTTP', ['SSH-2.0-OpenSSH_9.6\r\n\r\n']],
    ['a space before a colon', [`${ok}x : y\r\ncontent-length: 0\r\n\r\n`]],
    ['a NUL', [`${ok}x: a\0b\r\ncontent-length: 0\r\n\r\n`]],
    ['304 with a length', ['HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n']],
    ['204 with a body', ['HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello']],
    ['after 100', [`HTTP/1.1 100 Continue\r\n\r\n${hello}`]],
    ['silence', []],
    ['silence in a body', [hello.slice(0, -2)]],
  ])('%s: fails as it does there', async (_name, pieces) => {
    const { ours, undicis } = await bothHear(pieces);
    expect(comparable(ours)).toEqual(comparable(undicis));
    expect([ours.end, ours.error?.name]).toEqual(['failed', undicis.error?.name]);
  });

  test('a size without end ends at once', async () => {
    const { ours } = await bothHear([`${chunked}${'0'.repeat(5000)}`]);
    expect([ours.end, ours.error?.name]).toEqual(['failed', 'HTTPParserError']);
  });

  test('what is odd and answered all the same', async () => {
    for (const pieces of [
      [`${ok}transfer-encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
      [`${ok}transfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
      [`${ok}content-length: 05\r\n\r\nhello`],
      [`${ok}x: a\r\n b\r\ncontent-length: 0\r\n\r\n`],
      [`${ok}__proto__: a\r\ncontent-length: 0\r\n\r\n`],
      [`HTTP/1.1 200 OK\ncontent-length: 0\n\n`],
      [`\r\n${hello}`],
    ]) {
      const { ours, undicis } = await bothHear(pieces);
      expect({ pieces, ...comparable(ours) }).toEqual({ pieces, ...comparable(undicis) });
    }
  });

  test('answers damaged at random, in pieces of any length', async () => {
    const random = randomFrom(20_261_122);
    const whole = [
      hello,
      `${chunked}5\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 1\r\n\r\n`,
      `${ok}x-a: 1\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\ncontent-length: 2\r\n\r\nok`,
    ];
    for (let round = 0; round < 60; round += 1) {
      const damaged = Array.from({ length: 10 }, () =>
        pieced(damage(whole[random(whole.length)] ?? '', random), random),
      );
      const heard = await Promise.all(damaged.map((pieces) => alone(pieces)));
      for (const [i, { ours, undicis }] of heard.entries()) {
        // Of chunks we take less, never more.
        if (ours.error instanceof MalformedChunks) continue;
        const pieces = damaged[i];
        expect({ pieces, ...comparable(ours) }).toEqual({ pieces, ...comparable(undicis) });
      }
    }
  }, 60_000);
});

/** As `bothHear`, of an origin of its own. */
async function alone(pieces: readonly string[]): Promise<{ ours: Heard; undicis: Heard }> {
  const own = await RawOrigin.start();
  own.says(pieces);
  const agents = [checkedAgent(), new Agent()] as const;
  const options = { headersTimeout: 10_000, bodyTimeout: 10_000 };
  const [ours, undicis] = await Promise.all(agents.map((agent) => ask(agent, own.url, options)));
  await Promise.all([agents[0].end(), agents[1].destroy()]);
  own.close();
  return { ours: ours as Heard, undicis: undicis as Heard };
}

const odd = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '\0',
  '\x80',
  '0',
  '5',
  'f',
  'chunked',
  'x: y\r\n',
];

function damage(answer: string, random: (below: number) => number): string {
  let damaged = answer;
  for (let times = random(3); times >= 0; times -= 1) {
    const at = random(damaged.length);
    const cut = random(2) === 0 ? 0 : 1 + random(4);
    damaged = damaged.slice(0, at) + (odd[random(odd.length)] ?? '') + damaged.slice(at + cut);
  }
  return damaged;
}

function pieced(text: string, random: (below: number) => number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = random(3) === 0 ? text.length : 1 + random(40);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return [...pieces, 'FIN'];
}

/** mulberry32: the same numbers each time. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
