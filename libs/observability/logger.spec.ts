import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Secret } from '#lib/secret/secret';
import { createLogger, type LogLevel } from './logger.js';

function recorded(level: LogLevel = 'trace') {
  const lines: string[] = [];
  const logger = createLogger({
    app: 'vault',
    level,
    destination: { write: (line) => void lines.push(line) },
  });
  return {
    logger,
    lines,
    entry: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>,
  };
}

describe('a log line', () => {
  it('is JSON with level, ISO time and event first', () => {
    const { logger, lines, entry } = recorded();
    logger.info({ event: 'grant.refreshed', grantId: 'g1', ms: 12 });
    expect(lines[0]).toMatch(
      /^\{"level":"info","time":"\d{4}-\d\d-\d\dT[\d:.]+Z","event":"grant\.refreshed",/,
    );
    expect(entry()).toMatchObject({ app: 'vault', grantId: 'g1', ms: 12 });
  });

  it('carries the fields of its child logger', () => {
    const { logger, entry } = recorded();
    logger
      .child({ requestId: 'req_1' })
      .child({ upstream: 'reports' })
      .warn({ event: 'call.slow' });
    expect(entry()).toMatchObject({ level: 'warn', requestId: 'req_1', upstream: 'reports' });
  });

  it('below the level is not written', () => {
    const { logger, lines } = recorded('warn');
    logger.info({ event: 'call.served' });
    logger.error({ event: 'call.failed' });
    expect(lines).toHaveLength(1);
  });

  it('survives what JSON does not: cycles, bytes, bigints and depth', () => {
    const { logger, entry } = recorded();
    const cycle: Record<string, unknown> = { big: 1n };
    cycle['self'] = cycle;
    logger.info({ event: 'odd', cycle, key: randomBytes(32), missing: undefined });
    expect(entry()).toMatchObject({ event: 'odd', key: '[32 bytes]', cycle: { big: '1' } });
  });
});

describe('row 40, log leaks:', () => {
  const opaque = randomBytes(32).toString('base64url') + '1aA';
  const jwt = `eyJhbGciOiJSUzI1NiJ9.${randomBytes(60).toString('base64url')}.${randomBytes(60).toString('base64url')}`;
  const hex = randomBytes(32).toString('hex');

  const planted: [string, (canary: string) => Record<string, unknown>][] = [
    ['a field', (canary) => ({ token: canary })],
    ['a sentence', (canary) => ({ detail: `the answer held ${canary}, oddly` })],
    ['an array within an object', (canary) => ({ body: { list: [canary] } })],
    ['the name of a field', (canary) => ({ [canary]: 1 })],
    ['the message and stack of an error', (canary) => ({ err: new Error(`bad token ${canary}`) })],
    ['the cause of an error', (canary) => ({ err: new Error('x', { cause: new Error(canary) }) })],
    [
      'what a library hung on an error',
      (canary) => ({ err: Object.assign(new Error('x'), { response: { body: canary } }) }),
    ],
    ['a URL', (canary) => ({ url: new URL(`https://idp.example/cb?code=${canary}`) })],
    ['headers', (canary) => ({ headers: { authorization: `Bearer ${canary}` } })],
  ];
  for (const [kind, canary] of Object.entries({ opaque, jwt, hex })) {
    it.each(planted)(`a ${kind} token in %s is not written`, (_place, place) => {
      const { logger, lines } = recorded();
      logger.error({ event: 'canary', ...place(canary) });
      expect(lines).toHaveLength(1);
      expect(lines[0]).not.toContain(canary);
      expect(lines[0]).not.toContain(canary.slice(0, 24));
    });
  }

  it('a Secret prints [redacted] wherever it stands', () => {
    const { logger, lines } = recorded();
    const secret = new Secret('short-pw');
    logger.info({ event: 'canary', secret, list: [secret], text: `${secret.toString()}` });
    expect(lines[0]).not.toContain('short-pw');
    expect(lines[0]?.match(/\[redacted\]/g)).toHaveLength(3);
  });

  it('the bytes of a key are not spelled out', () => {
    const { logger, lines } = recorded();
    logger.info({ event: 'canary', key: Buffer.from([1, 2, 3, 4]) });
    expect(lines[0]).toContain('[4 bytes]');
    expect(lines[0]).not.toContain('[1,2,3,4]');
  });

  it.each([
    [
      'a short code in a redirect',
      { location: '/callback/snow?code=abc123&state=st4te&iss=x' },
      ['abc123', 'st4te'],
    ],
    [
      'a short token in a quoted body',
      { message: 'got {"access_token":"tok123","scope":"x"}' },
      ['tok123'],
    ],
    [
      'a body that was escaped twice',
      { message: JSON.stringify('{"refresh_token":"tok123"}') },
      ['tok123'],
    ],
    ['a short bearer', { header: 'Bearer abcd1234' }, ['abcd1234']],
    ['Basic credentials', { header: 'basic YWxpY2U6YQ==' }, ['YWxpY2U6YQ']],
    [
      'a cookie header',
      { headers: { 'set-cookie': ['sid=tok123'], Cookie: 'sid=tok123' } },
      ['tok123'],
    ],
    ['a field named as a token', { accessToken: 'tok123', client_secret: 'tok123' }, ['tok123']],
  ])('%s is masked', (_case, fields, canaries) => {
    const { logger, lines } = recorded();
    logger.info({ event: 'canary', ...fields });
    for (const canary of canaries) expect(lines[0]).not.toContain(canary);
  });

  it('identifiers stay readable', () => {
    const { logger, entry } = recorded();
    const fields = {
      grantId: 'b9b3b3f6-5a4b-4f49-9a46-6a53b8d8a1de',
      requestId: 'req_0kabcdefgh0123456789abcdef',
      subject: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
      hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      upstream: 'snowdemo',
      url: 'https://idp.example/authorize?client_id=vault&scope=openid',
      fingerprint: 'ab12cd34ef56',
    };
    logger.info({ event: 'canary', ...fields });
    expect(entry()).toMatchObject(fields);
  });

  it('a JWT in the place of an identifier is masked all the same', () => {
    const { logger, lines } = recorded();
    logger.info({ event: 'canary', subject: jwt });
    expect(lines[0]).not.toContain(jwt);
  });
});
