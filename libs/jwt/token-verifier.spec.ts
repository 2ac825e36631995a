import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendJson, startLocalServer } from '#lib/testing/local-server';
import { TestVerifier } from '#lib/testing/test-verifier';
import { exchangeAudience, onlyAudiences } from './audience.js';
import type { SignatureTurn } from './signature-turn.js';

const { good, gateway, now, route } = TestVerifier;

let bench: TestVerifier;

beforeAll(async () => {
  bench = await TestVerifier.start();
});

afterAll(() => bench.stop());

describe('a good token', () => {
  test('says who calls, with what and until when', async () => {
    const answer = await bench
      .verifier()
      .verify(await bench.sign({ ...good, extra: { deep: true } }), route);
    expect(answer).toEqual({
      ok: true,
      caller: {
        issuer: 'corporate',
        iss: 'https://idp.example',
        subject: 'alice',
        application: 'inspector',
        machine: false,
        scopes: ['tools', 'read'],
        claims: { ...good, extra: { deep: true } },
        audiences: [`${gateway}/mcp/snow`],
        issuedAt: now - 60,
        expiresAt: now + 300,
      },
    });
  });

  test.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('may be signed with %s', async (alg) => {
    expect(await bench.reasonFor(await bench.sign(good, { alg }))).toBe('ok');
  });

  test.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'JWT', 'jwt'])(
    'may be of type %s',
    async (typ) => {
      expect(await bench.reasonFor(await bench.sign(good, { typ }))).toBe('ok');
    },
  );

  test('needs no kid when only one key fits', async () => {
    expect(await bench.reasonFor(await bench.sign(good, { alg: 'ES256', kid: undefined }))).toBe(
      'ok',
    );
    expect(await bench.reasonFor(await bench.sign(good, { alg: 'RS256', kid: undefined }))).toBe(
      'unknown-key',
    );
  });

  test.each([
    ['the gateway', gateway],
    ['a listed value', 'api://symbolon'],
    ['several, ours among them', ['account', `${gateway}/mcp/snow`]],
  ])('may be for %s', async (_name, aud) => {
    expect(await bench.reasonFor(await bench.sign({ ...good, aud }))).toBe('ok');
  });

  test('is good at the exchange of that gateway, not at the admin API', async () => {
    const token = await bench.sign(good);
    expect((await bench.verifier().verify(token, exchangeAudience(gateway, 'snow'))).ok).toBe(true);
    expect((await bench.verifier().verify(token, exchangeAudience(gateway, 'reports'))).ok).toBe(
      false,
    );
    expect(
      (
        await bench
          .verifier()
          .verify(
            await bench.sign({ ...good, aud: 'api://symbolon' }),
            onlyAudiences(['urn:admin']),
          )
      ).ok,
    ).toBe(false);
  });

  test('ends with exp, or earlier with the maximum age', async () => {
    const answer = await bench
      .verifier(bench.trust({ maxTokenAgeSeconds: 100 }))
      .verify(await bench.sign(good), route);
    expect(answer.ok && answer.caller.expiresAt).toBe(now + 40);
  });
});

describe('the issuer', () => {
  test.each([
    ['other', 'https://evil.example'],
    ['with a slash at the end', 'https://idp.example/'],
    ['in capitals', 'https://IDP.example'],
    ['missing', undefined],
    ['a list', ['https://idp.example']],
    ['empty', ''],
  ])('wrong iss, %s, is refused', async (_name, iss) => {
    expect(await bench.reasonFor(await bench.sign({ ...good, iss }))).toBe('unknown-issuer');
  });

  test('may go by further names, and the caller keeps one slug', async () => {
    const entra = bench.verifier(bench.trust({ alsoIssuedAs: ['https://sts.windows.net/t/'] }));
    const answer = await entra.verify(
      await bench.sign({ ...good, iss: 'https://sts.windows.net/t/' }),
      route,
    );
    expect(answer).toMatchObject({
      ok: true,
      caller: { issuer: 'corporate', iss: 'https://sts.windows.net/t/' },
    });
  });

  test('two issuers that claim one name are nobody', async () => {
    const both = bench.verifier(
      bench.trust(),
      bench.trust({ slug: 'other', issuer: 'https://x', alsoIssuedAs: ['https://idp.example'] }),
    );
    expect(await bench.reasonFor(await bench.sign(good), both)).toBe('unknown-issuer');
  });

  test("one issuer's key does not sign for another", async () => {
    const other = await startLocalServer((_request, response) =>
      sendJson(response, 200, { keys: [] }),
    );
    const both = bench.verifier(
      bench.trust({ jwksUri: other.origin }),
      bench.trust({ slug: 'second', issuer: 'https://second.example' }),
    );
    expect(await bench.reasonFor(await bench.sign(good), both)).toBe('keys-unavailable');
    expect(
      await bench.reasonFor(await bench.sign({ ...good, iss: 'https://second.example' }), both),
    ).toBe('ok');
    await other.stop();
  });
});

describe('what a refusal tells', () => {
  test('no value of the token, no fix, plain ASCII fit for WWW-Authenticate', async () => {
    const tokens = [
      await bench.sign({ ...good, aud: 'hush' }),
      await bench.sign({ ...good, sub: '' }),
      await bench.sign({ ...good, iss: 'hush' }),
      'hush',
    ];
    for (const token of tokens) {
      const answer = await bench.verifier().verify(token, route);
      expect(Object.keys(answer).toSorted()).toEqual(['detail', 'ok', 'reason']);
      expect(!answer.ok && answer.detail).toMatch(/^[A-Za-z0-9 ,;.()@_+-]+$/);
      expect(JSON.stringify(answer)).not.toContain('hush');
    }
  });
});

describe('row 30, flood of bad tokens: the signature', () => {
  /** The reason of the refusal, and how often it was asked for a turn. */
  async function judged(token: string, turn?: SignatureTurn): Promise<readonly [string, number]> {
    let asked = 0;
    const answer = await bench.verifier().verify(token, route, () => {
      asked += 1;
      return turn;
    });
    return [answer.ok ? 'ok' : answer.reason, asked];
  }

  test.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['an unknown issuer', {}, { iss: 'https://evil.example' }, 'unknown-issuer'],
    ['an algorithm that is not accepted', { alg: 'HS256' }, {}, 'algorithm'],
    ['an unknown key', { kid: 'made-up' }, {}, 'unknown-key'],
    ['a time that is over', {}, { exp: now - 60 }, 'expired'],
    ['another audience', {}, { aud: 'https://other.example' }, 'audience'],
  ])('is not computed for %s', async (_name, header, claims, reason) => {
    const forged = { alg: 'RS256', kid: 'RS256', typ: 'at+jwt', ...header };
    expect(await judged(await bench.forge(forged, { ...good, ...claims }))).toEqual([reason, 0]);
  });

  test('is not computed without a turn, and nobody says that it was bad', async () => {
    const token = await bench.sign(good);
    expect(await judged(token)).toEqual(['busy', 1]);
    expect(await bench.verifier().verify(token, route, () => undefined)).toMatchObject({
      transient: true,
    });
  });

  test('ends its turn once, with what came of it', async () => {
    const ended: boolean[] = [];
    const turn = { ended: (was: boolean) => void ended.push(was) };
    expect(await judged(await bench.sign(good), turn)).toEqual(['ok', 1]);
    const forged = await bench.forge(
      { alg: 'RS256', kid: 'RS256', typ: 'at+jwt' },
      { ...good, sub: 'bob' },
    );
    expect(await judged(forged, turn)).toEqual(['signature', 1]);
    expect(ended).toEqual([true, false]);
  });
});
