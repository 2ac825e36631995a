import { createHmac, generateKeyPairSync } from 'node:crypto';
import { CompactSign, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Outbound } from '#lib/outbound/outbound';
import { type LocalServer, sendJson, startLocalServer } from '#lib/testing/local-server';
import { TestClock } from '#lib/testing/test-clock';
import { exchangeAudience, onlyAudiences, routeAudience } from './audience.js';
import { tokenHash } from './compact-token.js';
import { defaultAlgorithms, defaultTokenTypes, type IssuerTrust } from './issuer-trust.js';
import { JwksCache } from './jwks-cache.js';
import { TokenVerifier } from './token-verifier.js';

type Json = Record<string, unknown>;

const now = 1_800_000_000;
const gateway = 'https://gateway.example';
const route = routeAudience(gateway, '/mcp/snow');
const outbound = new Outbound({ mode: 'development', allow: [] });
const clock = new TestClock(now);
const keys = new JwksCache({ fetch: (url) => outbound.request(url), clock });

let server: LocalServer;
let signing: Record<string, CryptoKey>;
let publicPem: string;

beforeAll(async () => {
  const pairs = await Promise.all(
    ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'].map(
      async (alg) => [alg, await generateKeyPair(alg, { extractable: true })] as const,
    ),
  );
  signing = Object.fromEntries(pairs.map(([alg, { privateKey }]) => [alg, privateKey]));
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  publicPem = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString();
  const published: Json[] = await Promise.all(
    pairs.map(async ([alg, { publicKey }]) => ({
      ...(await exportJWK(publicKey)),
      kid: alg,
      alg,
      use: 'sig',
    })),
  );
  published.push({
    ...weak.publicKey.export({ format: 'jwk' }),
    kid: 'weak',
    alg: 'RS256',
    use: 'sig',
  });
  published.push({
    kty: 'oct',
    k: Buffer.from(publicPem).toString('base64url'),
    kid: 'shared',
    alg: 'HS256',
  });
  server = await startLocalServer((_request, response) =>
    sendJson(response, 200, { keys: published }),
  );
});

afterAll(async () => {
  await outbound.close();
  await server.stop();
});

function trust(over: Partial<IssuerTrust> = {}): IssuerTrust {
  return {
    slug: 'corporate',
    issuer: 'https://idp.example',
    alsoIssuedAs: [],
    jwksUri: `${server.origin}/jwks`,
    algorithms: defaultAlgorithms,
    tokenTypes: defaultTokenTypes,
    audiences: ['api://symbolon'],
    subjectClaim: 'sub',
    ...over,
  };
}

function verifier(...issuers: IssuerTrust[]): TokenVerifier {
  const all = issuers.length === 0 ? [trust()] : issuers;
  return new TokenVerifier({ issuers: () => all, keys, clock });
}

const good = {
  iss: 'https://idp.example',
  sub: 'alice',
  aud: `${gateway}/mcp/snow`,
  client_id: 'inspector',
  scope: 'tools read',
  iat: now - 60,
  exp: now + 300,
};

function sign(claims: Json, header: Json = {}): Promise<string> {
  return signText(JSON.stringify(claims), header);
}

async function signText(claims: string, header: Json = {}): Promise<string> {
  const alg = typeof header.alg === 'string' ? header.alg : 'RS256';
  const key = signing[alg] as CryptoKey;
  return await new CompactSign(Buffer.from(claims))
    .setProtectedHeader({ kid: alg, typ: 'at+jwt', ...header, alg })
    .sign(key);
}

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** The signature of the good token under a header or payload it was not made for. */
async function forge(header: unknown, claims: unknown = good): Promise<string> {
  const signature = (await sign(good)).split('.')[2] ?? '';
  return `${encode(header)}.${encode(claims)}.${signature}`;
}

async function reasonFor(token: string, by = verifier()): Promise<string> {
  const answer = await by.verify(token, route);
  return answer.ok ? 'ok' : answer.reason;
}

describe('a good token', () => {
  test('says who calls, with what and until when', async () => {
    const answer = await verifier().verify(await sign({ ...good, extra: { deep: true } }), route);
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
    expect(await reasonFor(await sign(good, { alg }))).toBe('ok');
  });

  test.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'JWT', 'jwt'])(
    'may be of type %s',
    async (typ) => {
      expect(await reasonFor(await sign(good, { typ }))).toBe('ok');
    },
  );

  test('needs no kid when only one key fits', async () => {
    expect(await reasonFor(await sign(good, { alg: 'ES256', kid: undefined }))).toBe('ok');
    expect(await reasonFor(await sign(good, { alg: 'RS256', kid: undefined }))).toBe('unknown-key');
  });

  test.each([
    ['the gateway', gateway],
    ['a listed value', 'api://symbolon'],
    ['several, ours among them', ['account', `${gateway}/mcp/snow`]],
  ])('may be for %s', async (_name, aud) => {
    expect(await reasonFor(await sign({ ...good, aud }))).toBe('ok');
  });

  test('is good at the exchange of that gateway, not at the admin API', async () => {
    const token = await sign(good);
    expect((await verifier().verify(token, exchangeAudience(gateway, 'snow'))).ok).toBe(true);
    expect((await verifier().verify(token, exchangeAudience(gateway, 'reports'))).ok).toBe(false);
    expect(
      (
        await verifier().verify(
          await sign({ ...good, aud: 'api://symbolon' }),
          onlyAudiences(['urn:admin']),
        )
      ).ok,
    ).toBe(false);
  });

  test('ends with exp, or earlier with the maximum age', async () => {
    const answer = await verifier(trust({ maxTokenAgeSeconds: 100 })).verify(
      await sign(good),
      route,
    );
    expect(answer.ok && answer.caller.expiresAt).toBe(now + 40);
  });
});

describe('row 25, forged algorithm and header', () => {
  const unsigned = `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(good)}`;

  test.each([
    ['alg none without a signature', `${unsigned}.`, 'malformed'],
    ['alg none with a signature', `${unsigned}.AAAA`, 'algorithm'],
    ['alg NoNe', `${encode({ alg: 'NoNe', typ: 'at+jwt' })}.${encode(good)}.AAAA`, 'algorithm'],
    ['no alg', `${encode({ typ: 'at+jwt' })}.${encode(good)}.AAAA`, 'algorithm'],
    [
      'alg as a list',
      `${encode({ alg: ['RS256'], typ: 'at+jwt' })}.${encode(good)}.AAAA`,
      'algorithm',
    ],
  ])('%s', async (_attack, token, reason) => {
    expect(await reasonFor(token)).toBe(reason);
  });

  test('HS256 with the public key as the secret, even where an admin listed HS256', async () => {
    const head = `${encode({ alg: 'HS256', kid: 'shared', typ: 'at+jwt' })}.${encode(good)}`;
    const token = `${head}.${createHmac('sha256', publicPem).update(head).digest('base64url')}`;
    expect(await reasonFor(token)).toBe('algorithm');
    expect(await reasonFor(token, verifier(trust({ algorithms: ['HS256', 'RS256'] })))).toBe(
      'algorithm',
    );
  });

  test('an algorithm that the issuer does not list', async () => {
    expect(
      await reasonFor(
        await sign(good, { alg: 'PS256' }),
        verifier(trust({ algorithms: ['RS256'] })),
      ),
    ).toBe('algorithm');
  });

  test('RS256 key used as PS256', async () => {
    const token = await new SignJWT(good)
      .setProtectedHeader({ alg: 'RS256', kid: 'PS256', typ: 'at+jwt' })
      .sign(signing.RS256 as CryptoKey);
    expect(await reasonFor(token)).toBe('unknown-key');
  });

  test('an RSA key of 1,024 bits', async () => {
    expect(await reasonFor(await forge({ alg: 'RS256', kid: 'weak', typ: 'at+jwt' }))).toBe(
      'unknown-key',
    );
  });

  test.each([
    ['unknown crit', { crit: ['exp'], exp: 1 }, 'critical-header'],
    ['crit b64', { crit: ['b64'], b64: false }, 'critical-header'],
    ['empty crit', { crit: [] }, 'critical-header'],
    ['embedded jwk', { jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } }, 'embedded-key'],
    ['jku', { jku: 'https://evil.example/jwks' }, 'embedded-key'],
    ['x5u', { x5u: 'https://evil.example/cert' }, 'embedded-key'],
    ['JWE header', { enc: 'A256GCM' }, 'encrypted'],
    ['typ of a DPoP proof', { typ: 'dpop+jwt' }, 'token-type'],
    ['typ of a logout token', { typ: 'logout+jwt' }, 'token-type'],
    ['typ empty', { typ: '' }, 'token-type'],
    ['typ as a list', { typ: ['at+jwt'] }, 'token-type'],
    ['typ missing', { typ: undefined }, 'token-type'],
    ['unknown kid', { kid: 'nobody' }, 'unknown-key'],
    ['kid ../../x', { kid: '../../x' }, 'unknown-key'],
    ['kid with SQL', { kid: "' OR 1=1 --" }, 'unknown-key'],
    ['kid as a number', { kid: 7 }, 'unknown-key'],
    ['10 KB kid', { kid: 'k'.repeat(10_240) }, 'unknown-key'],
  ])('%s', async (_attack, header, reason) => {
    expect(
      await reasonFor(await forge({ alg: 'RS256', kid: 'RS256', typ: 'at+jwt', ...header })),
    ).toBe(reason);
  });

  test('typ may be missing where the issuer says so', async () => {
    const cognito = verifier(trust({ tokenTypes: [''] }));
    expect(
      await reasonFor(await sign({ ...good, token_use: 'access' }, { typ: undefined }), cognito),
    ).toBe('ok');
    expect(
      await reasonFor(await sign({ ...good, token_use: 'id' }, { typ: undefined }), cognito),
    ).toBe('id-token');
    expect(await reasonFor(await sign(good, { typ: '' }), cognito)).toBe('token-type');
  });

  test('a key of somebody else', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const token = await new SignJWT(good)
      .setProtectedHeader({ alg: 'RS256', kid: 'RS256', typ: 'at+jwt' })
      .sign(privateKey);
    expect(await reasonFor(token)).toBe('signature');
  });

  test('changed claims under an old signature', async () => {
    expect(
      await reasonFor(
        await forge({ alg: 'RS256', kid: 'RS256', typ: 'at+jwt' }, { ...good, sub: 'bob' }),
      ),
    ).toBe('signature');
  });
});

describe('what is no signed JWT', () => {
  const header = encode({ alg: 'RS256', kid: 'RS256', typ: 'at+jwt' });
  test.each([
    ['nothing', '', 'malformed'],
    ['an opaque token', 'sv1_0123456789', 'malformed'],
    ['JWE', 'a.b.c.d.e', 'encrypted'],
    ['two parts', 'a.b', 'malformed'],
    ['standard base64', `${header}.${encode(good)}.ab+/`, 'malformed'],
    ['padding', `${header}.${encode(good)}.YQ==`, 'malformed'],
    ['white space', ` ${header}.${encode(good)}.AAAA`, 'malformed'],
    ['header that is a list', `${encode([])}.${encode(good)}.AAAA`, 'malformed'],
    ['claims that are a list', `${header}.${encode([])}.AAAA`, 'malformed'],
    ['claims that are null', `${header}.${encode('null')}.AAAA`, 'malformed'],
    ['claims that are no JSON', `${header}.${encode('sub=alice')}.AAAA`, 'malformed'],
    [
      'invalid UTF-8',
      `${header}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.AAAA`,
      'malformed',
    ],
    [
      'duplicate sub',
      `${header}.${encode('{"iss":"https://idp.example","sub":"alice","sub":"bob"}')}.AAAA`,
      'malformed',
    ],
    [
      'duplicate alg',
      `${encode('{"alg":"none","alg":"RS256"}')}.${encode(good)}.AAAA`,
      'malformed',
    ],
    [
      '__proto__',
      `${header}.${encode('{"iss":"https://idp.example","__proto__":{"sub":"root"}}')}.AAAA`,
      'malformed',
    ],
    ['20 KB token', `${header}.${encode({ ...good, pad: 'x'.repeat(20_000) })}.AAAA`, 'too-large'],
  ])('%s is refused', async (_name, token, reason) => {
    expect(await reasonFor(token)).toBe(reason);
  });

  test('a second spelling of the same signature bytes is refused, so one token has one hash', async () => {
    const token = await sign(good);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet[alphabet.indexOf(token.slice(-1)) + 1] ?? '';
    const respelled = token.slice(0, -1) + last;
    const bytes = (text: string): string =>
      Buffer.from(text.split('.')[2] ?? '', 'base64url').toString('hex');
    expect(bytes(respelled)).toBe(bytes(token));
    expect(tokenHash(respelled)).not.toBe(tokenHash(token));
    expect(await reasonFor(respelled)).toBe('malformed');
  });
});

describe('row 26, weak claims', () => {
  test.each([
    ['no exp', { exp: undefined }, 'invalid-claim'],
    ['exp as a string', { exp: String(now + 300) }, 'invalid-claim'],
    ['exp null', { exp: null }, 'invalid-claim'],
    ['exp negative', { exp: -1 }, 'invalid-claim'],
    ['expired 29 s ago, within skew', { exp: now - 29 }, 'ok'],
    ['expired 30 s ago', { exp: now - 30 }, 'expired'],
    ['expired 31 s ago', { exp: now - 31 }, 'expired'],
    ['nbf in 30 s, within skew', { nbf: now + 30 }, 'ok'],
    ['nbf in 31 s', { nbf: now + 31 }, 'not-yet-valid'],
    ['nbf as a string', { nbf: '0' }, 'invalid-claim'],
    ['no iat', { iat: undefined }, 'invalid-claim'],
    ['iat as a string', { iat: String(now) }, 'invalid-claim'],
    ['iat in 30 s, within skew', { iat: now + 30 }, 'ok'],
    ['iat in 31 s', { iat: now + 31 }, 'issued-in-future'],
    ['iat tomorrow', { iat: now + 86_400, exp: now + 90_000 }, 'issued-in-future'],
    ['iat in milliseconds', { iat: now * 1000, exp: now * 1000 + 300 }, 'issued-in-future'],
    [
      'exp in milliseconds is bounded by the age',
      { exp: now * 1000, iat: now - 86_431 },
      'too-old',
    ],
    ['exp before iat', { iat: now, exp: now - 1 }, 'invalid-claim'],
    ['issued 24 h ago', { iat: now - 86_400 }, 'ok'],
    ['issued 24 h and 30 s ago', { iat: now - 86_430 }, 'too-old'],
    ['no sub', { sub: undefined }, 'subject'],
    ['sub empty', { sub: '' }, 'subject'],
    ['sub as a list', { sub: ['alice'] }, 'subject'],
    ['sub as a number', { sub: 7 }, 'subject'],
    ['sub null', { sub: null }, 'subject'],
    ['sub with NUL', { sub: 'alice\0' }, 'subject'],
    ['sub with a line end', { sub: 'alice\nbob' }, 'subject'],
    ['sub with half a character', { sub: 'alice\ud800' }, 'subject'],
    ['sub of 513 characters', { sub: 'a'.repeat(513) }, 'subject'],
    ['no aud', { aud: undefined }, 'audience'],
    ['aud empty', { aud: '' }, 'audience'],
    ['aud as an empty list', { aud: [] }, 'invalid-claim'],
    ['aud as an object', { aud: { a: gateway } }, 'invalid-claim'],
    ['aud with a number', { aud: [gateway, 1] }, 'invalid-claim'],
    ['bound to a DPoP key', { cnf: { jkt: 'x' } }, 'sender-constrained'],
    ['bound to a certificate', { cnf: { 'x5t#S256': 'x' } }, 'sender-constrained'],
  ])('%s', async (_attack, claims, reason) => {
    expect(await reasonFor(await sign({ ...good, ...claims }))).toBe(reason);
  });
});

test('row 26, weak claims: an exp beyond all numbers', async () => {
  const endless = JSON.stringify(good).replace(String(good.exp), '1e999');
  expect(await reasonFor(await signText(endless))).toBe('invalid-claim');
});

describe('row 27, audience and ID tokens', () => {
  test.each([
    ['other', 'https://other.example'],
    ['array of others', ['https://other.example', 'account']],
    ['Keycloak without an audience mapper', 'account'],
    ['another upstream of the same gateway', `${gateway}/mcp/reports`],
    ['the route with a slash', `${gateway}/mcp/snow/`],
  ])('aud %s is refused', async (_name, aud) => {
    expect(await reasonFor(await sign({ ...good, aud }))).toBe('audience');
  });

  const listed = (): TokenVerifier =>
    verifier(trust({ audiences: ['inspector', 'api://symbolon'] }));
  const idToken = { iss: good.iss, sub: 'alice', aud: 'inspector', iat: good.iat, exp: good.exp };

  test.each([
    ['with at_hash', { ...idToken, azp: 'inspector', at_hash: 'x' }],
    ['with c_hash', { ...idToken, azp: 'inspector', c_hash: 'x' }],
    ['with a nonce', { ...idToken, azp: 'inspector', nonce: 'n' }],
    ['with azp alone', { ...idToken, azp: 'inspector' }],
    [
      'with a list of audiences',
      { ...idToken, aud: ['inspector', 'api://symbolon'], azp: 'inspector' },
    ],
    [
      'with azp of the phone and aud of the server, as Google has',
      { ...idToken, azp: 'phone-app' },
    ],
    [
      "for our audience, by Keycloak's mapper",
      { ...idToken, aud: ['inspector', gateway], typ: 'ID', azp: 'inspector', at_hash: 'x' },
    ],
    ['typ ID with scopes', { ...idToken, typ: 'ID', azp: 'inspector', scope: 'openid' }],
    ['of Cognito', { ...idToken, token_use: 'id', client_id: 'inspector', scope: 'x' }],
    ['with client_id and nonce', { ...idToken, aud: gateway, client_id: 'inspector', nonce: 'n' }],
    ['without anything else', idToken],
    ['with at_hash and scopes', { ...idToken, azp: 'inspector', at_hash: 'x', scope: 'openid' }],
  ])('an ID token whose audience an admin listed is refused: %s', async (_name, claims) => {
    expect(await reasonFor(await sign(claims, { typ: 'JWT' }), listed())).toBe('id-token');
  });

  test('an ID token is refused where clientClaim names a claim that it has', async () => {
    const byAud = verifier(trust({ audiences: ['inspector'], clientClaim: 'aud' }));
    expect(await reasonFor(await sign(idToken, { typ: 'JWT' }), byAud)).toBe('id-token');
    const byTenant = verifier(trust({ audiences: ['inspector'], clientClaim: 'tid' }));
    expect(
      await reasonFor(await sign({ ...idToken, tid: 'tenant' }, { typ: 'JWT' }), byTenant),
    ).toBe('id-token');
  });

  test.each(['Refresh', 'Offline', 'Logout'])("Keycloak's typ %s is refused", async (typ) => {
    expect(await reasonFor(await sign({ ...good, typ }, { typ: 'JWT' }))).toBe('id-token');
  });

  test.each([
    ['Keycloak', { typ: 'Bearer', azp: 'inspector', client_id: undefined, scope: 'openid' }],
    [
      'older Keycloak, which copies the nonce',
      { typ: 'Bearer', azp: 'inspector', client_id: undefined, nonce: 'n' },
    ],
    [
      'Entra v2 of an app that calls itself',
      {
        aud: 'api://symbolon',
        azp: 'api://symbolon',
        client_id: undefined,
        scope: undefined,
        scp: 'access',
      },
    ],
    ['Okta', { cid: 'inspector', client_id: undefined, scope: undefined, scp: ['a', 'b'] }],
    ['client_id and a foreign audience, no scopes', { scope: undefined }],
  ])('an access token of type JWT is accepted: %s', async (_name, claims) => {
    expect(await reasonFor(await sign({ ...good, ...claims }, { typ: 'JWT' }))).toBe('ok');
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
    expect(await reasonFor(await sign({ ...good, iss }))).toBe('unknown-issuer');
  });

  test('may go by further names, and the caller keeps one slug', async () => {
    const entra = verifier(trust({ alsoIssuedAs: ['https://sts.windows.net/t/'] }));
    const answer = await entra.verify(
      await sign({ ...good, iss: 'https://sts.windows.net/t/' }),
      route,
    );
    expect(answer).toMatchObject({
      ok: true,
      caller: { issuer: 'corporate', iss: 'https://sts.windows.net/t/' },
    });
  });

  test('two issuers that claim one name are nobody', async () => {
    const both = verifier(
      trust(),
      trust({ slug: 'other', issuer: 'https://x', alsoIssuedAs: ['https://idp.example'] }),
    );
    expect(await reasonFor(await sign(good), both)).toBe('unknown-issuer');
  });

  test("one issuer's key does not sign for another", async () => {
    const other = await startLocalServer((_request, response) =>
      sendJson(response, 200, { keys: [] }),
    );
    const both = verifier(
      trust({ jwksUri: other.origin }),
      trust({ slug: 'second', issuer: 'https://second.example' }),
    );
    expect(await reasonFor(await sign(good), both)).toBe('keys-unavailable');
    expect(await reasonFor(await sign({ ...good, iss: 'https://second.example' }), both)).toBe(
      'ok',
    );
    await other.stop();
  });
});

describe('row 29, sub collisions', () => {
  test('the same sub at two issuers is two persons', async () => {
    const both = verifier(trust(), trust({ slug: 'second', issuer: 'https://second.example' }));
    const first = await both.verify(await sign(good), route);
    const second = await both.verify(await sign({ ...good, iss: 'https://second.example' }), route);
    expect([first, second].map((answer) => answer.ok && answer.caller.issuer)).toEqual([
      'corporate',
      'second',
    ]);
  });

  test.each(['Alice', ' alice', 'alice ', 'ａlice', 'alice\u200b'])(
    '%j is kept byte by byte and is not alice',
    async (sub) => {
      const answer = await verifier().verify(await sign({ ...good, sub }), route);
      expect(answer.ok && answer.caller.subject).toBe(sub);
    },
  );

  test('pairwise subjects: the person is the claim that the issuer names, the same for every client', async () => {
    const entra = verifier(trust({ subjectClaim: 'oid' }));
    for (const [sub, client_id] of [
      ['pair-1', 'inspector'],
      ['pair-2', 'claude'],
    ]) {
      const answer = await entra.verify(
        await sign({ ...good, sub, client_id, oid: 'alice-oid' }),
        route,
      );
      expect(answer).toMatchObject({ ok: true, caller: { subject: 'alice-oid', machine: false } });
    }
    expect(await reasonFor(await sign({ ...good, sub: 'pair-1' }), entra)).toBe('subject');
    expect(await reasonFor(await sign({ ...good, sub: '', oid: 'alice-oid' }), entra)).toBe(
      'subject',
    );
  });

  test('a pointer reaches a nested subject', async () => {
    const nested = verifier(trust({ subjectClaim: '/user/id' }));
    const answer = await nested.verify(await sign({ ...good, user: { id: 'a-1' } }), route);
    expect(answer.ok && answer.caller.subject).toBe('a-1');
  });
});

describe('which application', () => {
  test.each([
    ['client_id', { client_id: 'a' }, 'a'],
    ['azp', { azp: 'a' }, 'a'],
    ['appid', { appid: 'a' }, 'a'],
    ['cid', { cid: 'a' }, 'a'],
    ['several that agree', { client_id: 'a', azp: 'a', cid: 'a' }, 'a'],
    ['several that differ', { client_id: 'a', azp: 'b' }, 'application-conflict'],
    ['later ones that differ', { azp: 'a', cid: 'b' }, 'application-conflict'],
    ['none', {}, 'application'],
    ['an empty one', { client_id: '' }, 'application'],
    ['an empty one beside a good one', { client_id: '', azp: 'a' }, 'application'],
    ['a list', { client_id: ['a'] }, 'application'],
    ['null', { client_id: null, azp: 'a' }, 'application'],
    ['control characters', { client_id: 'a\nb' }, 'application'],
    ['client_info, which identifies nobody', { client_name: 'a' }, 'application'],
  ])('%s', async (_name, claims, expected) => {
    const answer = await verifier().verify(
      await sign({ ...good, client_id: undefined, ...claims }),
      route,
    );
    expect(answer.ok ? answer.caller.application : answer.reason).toBe(expected);
  });

  test("the issuer's clientClaim decides alone", async () => {
    const own = verifier(trust({ clientClaim: '/app/id' }));
    const answer = await own.verify(
      await sign({ ...good, azp: 'other', app: { id: 'mine' } }),
      route,
    );
    expect(answer.ok && answer.caller.application).toBe('mine');
    expect(await reasonFor(await sign(good), own)).toBe('application');
  });

  test.each([
    ['sub is the client', { sub: 'inspector' }, true],
    ['idtyp app, Entra', { idtyp: 'app' }, true],
    ['oid is sub without scopes, Entra', { tid: 't', oid: 'alice', scope: undefined }, true],
    ['oid is sub with scopes, Entra', { tid: 't', oid: 'alice' }, false],
    ['client-credentials, Auth0', { gty: 'client-credentials' }, true],
    ['@clients, Auth0', { sub: 'inspector@clients' }, true],
    [
      "Keycloak's service account",
      { sub: 'f3c0', preferred_username: 'service-account-inspector' },
      true,
    ],
    [
      "another client's service account name",
      { preferred_username: 'service-account-other' },
      false,
    ],
    ['a person', { preferred_username: 'alice', idtyp: 'user' }, false],
  ])('machine: %s → %s', async (_name, claims, machine) => {
    const answer = await verifier().verify(await sign({ ...good, ...claims }), route);
    expect(answer.ok && answer.caller.machine).toBe(machine);
  });
});

describe('what a refusal tells', () => {
  test('no value of the token, no fix, plain ASCII fit for WWW-Authenticate', async () => {
    const tokens = [
      await sign({ ...good, aud: 'hush' }),
      await sign({ ...good, sub: '' }),
      await sign({ ...good, iss: 'hush' }),
      'hush',
    ];
    for (const token of tokens) {
      const answer = await verifier().verify(token, route);
      expect(Object.keys(answer).toSorted()).toEqual(['detail', 'ok', 'reason']);
      expect(!answer.ok && answer.detail).toMatch(/^[A-Za-z0-9 ,;.()@_+-]+$/);
      expect(JSON.stringify(answer)).not.toContain('hush');
    }
  });
});
