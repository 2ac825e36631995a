import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Outbound } from '#lib/outbound/outbound';
import { type LocalServer, sendJson, startLocalServer } from '#lib/testing/local-server';
import { TestClock } from '#lib/testing/test-clock';
import { TestIssuer } from '#lib/testing/test-issuer';
import { onlyAudiences } from './audience.js';
import type { IssuerTrust } from './issuer-trust.js';
import { JwksCache } from './jwks-cache.js';
import { TokenVerifier } from './token-verifier.js';

const acceptable = onlyAudiences(['https://gateway.example']);
const outbound = new Outbound({ mode: 'development', allow: [] });
const realNow = Date.now() / 1000;

type Mood = 'up' | 'down' | 'html' | 'empty' | 'huge' | 'redirect' | 'private';

let issuer: TestIssuer;
let server: LocalServer;
let clock: TestClock;
let cache: JwksCache;
let mood: Mood;
let fetches: number;
let changes: string[];

beforeEach(async () => {
  issuer = await TestIssuer.start();
  mood = 'up';
  fetches = 0;
  changes = [];
  server = await startLocalServer((_request, response) => {
    fetches += 1;
    answer(response);
  });
  clock = new TestClock(realNow);
  cache = new JwksCache({
    fetch: (url) => outbound.request(url),
    clock,
    onChange: (uri) => changes.push(uri),
  });
});

afterEach(async () => {
  await issuer.stop();
  await server.stop();
});

function answer(response: ServerResponse): void {
  const { keys } = issuer.jwks;
  if (mood === 'up') sendJson(response, 200, { keys });
  else if (mood === 'empty') sendJson(response, 200, { keys: [] });
  else if (mood === 'private')
    sendJson(response, 200, { keys: keys.map((key) => ({ ...key, d: 'AQAB' })) });
  else if (mood === 'redirect') response.writeHead(302, { location: issuer.jwksUri }).end();
  else if (mood === 'html') response.writeHead(200).end('<html>maintenance</html>');
  else if (mood === 'huge') response.writeHead(200).end(Buffer.alloc(2 * 1024 * 1024, ' '));
  else sendJson(response, 503, {});
}

function verifier(): TokenVerifier {
  const trust: IssuerTrust = {
    slug: 'corporate',
    issuer: issuer.issuer,
    alsoIssuedAs: [],
    jwksUri: `${server.origin}/jwks`,
    algorithms: ['RS256'],
    tokenTypes: ['at+jwt'],
    audiences: [],
    subjectClaim: 'sub',
  };
  return new TokenVerifier({ issuers: () => [trust], keys: cache, clock });
}

function token(header: Record<string, unknown> = {}): Promise<string> {
  const iat = Math.floor(clock.now());
  return issuer.sign(
    {
      iss: issuer.issuer,
      sub: 'alice',
      aud: 'https://gateway.example',
      client_id: 'c',
      iat,
      exp: iat + 300,
    },
    header,
  );
}

async function reason(signed: string | Promise<string>): Promise<string> {
  const answer = await verifier().verify(await signed, acceptable);
  return answer.ok ? 'ok' : answer.reason;
}

describe('row 28, kid floods and JWKS outages', () => {
  test('10,000 unknown kids while the JWKS is down cost at most 3 fetches, and valid tokens pass', async () => {
    const valid = await token();
    const [, payload, signature] = valid.split('.');
    expect(await reason(valid)).toBe('ok');
    mood = 'down';
    clock.advance(60);
    const forged = (): string => {
      const header = Buffer.from(
        JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid: randomUUID() }),
      ).toString('base64url');
      return `${header}.${payload}.${signature}`;
    };
    for (let round = 0; round < 100; round += 1) {
      const answers = await Promise.all(
        [...Array.from({ length: 100 }, forged), valid].map(reason),
      );
      expect(answers.pop()).toBe('ok');
      expect(new Set(answers)).toEqual(new Set(['keys-unavailable']));
    }
    expect(fetches).toBeLessThanOrEqual(3);
  });

  test('unknown kids while the JWKS is up cost one fetch per 30 seconds and are refused', async () => {
    expect(await reason(token())).toBe('ok');
    for (let seconds = 0; seconds < 120; seconds += 1) {
      expect(await reason(token({ kid: randomUUID() }))).toBe('unknown-key');
      clock.advance(1);
    }
    expect(fetches).toBeLessThanOrEqual(5);
  });

  test('100 callers at a cold start share one fetch', async () => {
    const signed = await token();
    const answers = await Promise.all(Array.from({ length: 100 }, () => reason(signed)));
    expect([new Set(answers), fetches]).toEqual([new Set(['ok']), 1]);
  });

  test('an outage from the start is transient, is not asked about more than every 5 seconds, and ends', async () => {
    mood = 'down';
    const signed = await token();
    for (let i = 0; i < 50; i += 1) {
      const answer = await verifier().verify(signed, acceptable);
      expect(answer).toMatchObject({ ok: false, reason: 'keys-unavailable', transient: true });
    }
    expect(fetches).toBe(1);
    mood = 'up';
    clock.advance(5);
    expect(await reason(signed)).toBe('ok');
  });

  test('known keys serve through an outage of 24 hours and no longer', async () => {
    expect(await reason(token())).toBe('ok');
    mood = 'down';
    for (let hour = 0; hour < 23; hour += 1) {
      clock.advance(3_600);
      expect(await reason(token())).toBe('ok');
    }
    clock.advance(3_600);
    expect(await reason(token())).toBe('keys-unavailable');
    mood = 'up';
    clock.advance(30);
    expect(await reason(token())).toBe('ok');
  });

  test.each<Mood>(['html', 'empty', 'huge', 'redirect', 'private', 'down'])(
    'an answer that is %s does not replace the keys',
    async (bad) => {
      expect(await reason(token())).toBe('ok');
      mood = bad;
      clock.advance(2 * 3_600);
      expect(await reason(token())).toBe('ok');
      expect([fetches, changes]).toEqual([2, []]);
    },
  );

  test('a server that hangs holds up nobody whose key is known', async () => {
    let hung = 0;
    const own = new TestClock(realNow);
    const hanging = new JwksCache({
      clock: own,
      fetch: (url) =>
        fetches === 0 ? outbound.request(url) : ((hung += 1), new Promise(() => undefined)),
    });
    const kid = issuer.jwks.keys[0]?.kid;
    expect(await hanging.keyFor(server.origin, { alg: 'RS256', kid })).toHaveProperty('key');
    own.advance(11 * 60);
    expect(await hanging.keyFor(server.origin, { alg: 'RS256', kid })).toHaveProperty('key');
    expect(hung).toBe(1);
  });
});

describe('rotation', () => {
  test('a new key is found at its first use', async () => {
    expect(await reason(token())).toBe('ok');
    await issuer.rotateKey();
    clock.advance(31);
    expect(await reason(token())).toBe('ok');
    expect([fetches, changes]).toEqual([2, [`${server.origin}/jwks`]]);
  });

  test('a key that the issuer removed is gone within ten minutes of traffic, or at once after an hour of silence', async () => {
    const signed = await issuer.sign({
      iss: issuer.issuer,
      sub: 'alice',
      aud: 'https://gateway.example',
      client_id: 'c',
      iat: realNow,
      exp: realNow + 20_000,
    });
    expect(await reason(signed)).toBe('ok');
    await issuer.rotateKey(true);
    clock.advance(3_601);
    expect(await reason(signed)).toBe('unknown-key');
  });

  test('reading equal keys again tells nobody', async () => {
    expect(await reason(token())).toBe('ok');
    clock.advance(3_601);
    expect(await reason(token())).toBe('ok');
    expect([fetches, changes]).toEqual([2, []]);
  });

  test('somebody who sets the wall clock moves no deadline', async () => {
    expect(await reason(token())).toBe('ok');
    clock.jump(7_200);
    expect(await reason(token())).toBe('ok');
    clock.jump(-14_400);
    expect(await reason(token())).toBe('ok');
    expect(fetches).toBe(1);
  });
});
