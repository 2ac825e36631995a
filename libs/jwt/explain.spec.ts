import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Outbound } from '#lib/outbound/outbound';
import { TestClock } from '#lib/testing/test-clock';
import { type IssuerShape, TestIssuer } from '#lib/testing/test-issuer';
import { routeAudience } from './audience.js';
import { type Explanation, explainToken } from './explain.js';
import { defaultAlgorithms, defaultTokenTypes, type IssuerTrust } from './issuer-trust.js';
import { JwksCache } from './jwks-cache.js';
import { TokenVerifier } from './token-verifier.js';

const clock = new TestClock();
const outbound = new Outbound({ mode: 'development', allow: [] });
const keys = new JwksCache({ fetch: (url) => outbound.request(url), clock });
const acceptable = routeAudience('https://gateway.example', '/mcp');
const issuers = {} as Record<IssuerShape, TestIssuer>;

beforeAll(async () => {
  for (const shape of ['rfc9068', 'keycloak', 'pairwise'] as const)
    issuers[shape] = await TestIssuer.start(shape);
});

afterAll(async () => {
  await Promise.all(Object.values(issuers).map((issuer) => issuer.stop()));
  await outbound.close();
});

function trust(shape: IssuerShape, over: Partial<IssuerTrust> = {}): IssuerTrust {
  const { issuer, jwksUri } = issuers[shape];
  return {
    slug: shape,
    issuer,
    alsoIssuedAs: [],
    jwksUri,
    algorithms: defaultAlgorithms,
    tokenTypes: defaultTokenTypes,
    audiences: [],
    subjectClaim: shape === 'pairwise' ? 'oid' : 'sub',
    ...over,
  };
}

function explain(token: string, by: IssuerTrust): Promise<readonly Explanation[]> {
  return explainToken(token, { trust: by, acceptable, keys, clock });
}

const failures = (lines: readonly Explanation[]): string[] =>
  lines.filter(({ status }) => status === 'fail').map(({ check }) => check);
const line = (lines: readonly Explanation[], check: string): Explanation | undefined =>
  lines.find((one) => one.check === check);
const about = { subject: 'alice', clientId: 'inspector', audience: 'https://gateway.example/mcp' };

describe('an explanation', () => {
  test('of a good token passes every rule, in order, with what the token says', async () => {
    const lines = await explain(
      await issuers.rfc9068.accessToken({ ...about, scope: 'tools' }),
      trust('rfc9068'),
    );
    expect(failures(lines)).toEqual([]);
    expect(lines.map(({ check }) => check)).toEqual([
      'format',
      'iss',
      'crit',
      'jwk, jku, x5u',
      'alg',
      'typ',
      'kid',
      'signature',
      'cnf',
      'exp',
      'nbf',
      'iat',
      'age',
      'kind of token',
      'aud',
      'application',
      'subject',
      'machine',
      'scopes',
    ]);
    expect(line(lines, 'aud')?.value).toBe('https://gateway.example/mcp');
    expect(line(lines, 'subject')?.value).toBe('alice');
    expect(line(lines, 'scopes')?.value).toBe('tools');
  });

  test.each<[IssuerShape, Record<string, unknown>]>([
    ['rfc9068', {}],
    ['rfc9068', { exp: 1 }],
    ['rfc9068', { iss: 'https://other.example' }],
    ['keycloak', {}],
    ['keycloak', { aud: 'account' }],
    ['keycloak', { azp: ['x'] }],
    ['pairwise', {}],
    ['pairwise', { oid: '' }],
  ])('and the verifier never disagree: %s %j', async (shape, claims) => {
    const token = await issuers[shape].accessToken({ ...about, claims });
    const verifier = new TokenVerifier({ issuers: () => [trust(shape)], keys, clock });
    const { ok } = await verifier.verify(token, acceptable);
    expect(failures(await explain(token, trust(shape))).length === 0).toBe(ok);
  });

  test('never holds the signature, nor anything else that would make the token usable', async () => {
    const good = await issuers.rfc9068.accessToken(about);
    const bad = await issuers.rfc9068.accessToken({
      ...about,
      claims: { exp: 1, iss: 'https://other.example' },
    });
    for (const token of [good, bad, `${good}.x.y`, good.slice(0, -5), `${good}!`]) {
      const text = JSON.stringify(await explain(token, trust('rfc9068')));
      for (const part of good.split('.').concat(bad.split('.')))
        expect(text).not.toContain(part.slice(0, 40));
    }
  });

  test('shortens long values', async () => {
    const lines = await explain(
      await issuers.rfc9068.accessToken({ ...about, subject: 'a'.repeat(400) }),
      trust('rfc9068'),
    );
    expect(line(lines, 'subject')?.value).toHaveLength(301);
  });

  test('of something else than a JWT is one line', async () => {
    const lines = await explain('sv1_opaque', trust('rfc9068'));
    expect(lines).toMatchObject([{ check: 'format', status: 'fail' }]);
    expect(lines[0]?.fix).toContain('opaque');
  });

  test('takes a token pasted with white space around it', async () => {
    expect(
      failures(
        await explain(`\n ${await issuers.rfc9068.accessToken(about)} \n`, trust('rfc9068')),
      ),
    ).toEqual([]);
  });

  test('names the slash when that is all that differs, and fetches no keys for a foreign token', async () => {
    const strange = {
      ...trust('rfc9068'),
      issuer: `${issuers.rfc9068.issuer}/`,
      jwksUri: 'http://127.0.0.1:1/',
    };
    const lines = await explain(await issuers.rfc9068.accessToken(about), strange);
    expect(failures(lines)).toEqual(['iss']);
    expect(line(lines, 'iss')?.fix).toContain('slash');
    expect(line(lines, 'signature')?.status).toBe('info');
  });

  test('says that the keys cannot be read, and where to look', async () => {
    const lines = await explain(
      await issuers.rfc9068.accessToken(about),
      trust('rfc9068', { jwksUri: 'http://127.0.0.1:1/' }),
    );
    expect(failures(lines)).toEqual(['signature']);
    expect(line(lines, 'signature')?.fix).toContain('jwksUri');
  });
});

describe('Keycloak as it is', () => {
  test.each([
    ['no aud', undefined],
    ['account only', 'account'],
  ])(
    'without an audience mapper, %s: the audience alone fails, and the fix names the mapper',
    async (_name, audience) => {
      const lines = await explain(
        await issuers.keycloak.accessToken({ ...about, audience }),
        trust('keycloak'),
      );
      expect(failures(lines)).toEqual(['aud']);
      expect(line(lines, 'aud')?.fix).toMatch(
        /https:\/\/gateway\.example.*mapper of type Audience/,
      );
      expect(line(lines, 'typ')?.value).toBe('JWT');
      expect(line(lines, 'application')?.value).toBe('inspector');
    },
  );

  test('with the mapper it passes, and its nested roles are shown with the pointers that reach them', async () => {
    const audience = ['account', 'https://gateway.example'];
    const lines = await explain(
      await issuers.keycloak.accessToken({ ...about, audience }),
      trust('keycloak'),
    );
    expect(failures(lines)).toEqual([]);
    expect(line(lines, '/realm_access/roles')?.value).toContain('engineer');
    expect(line(lines, '/resource_access/account/roles')?.value).toContain('manage-account');
  });

  test('a service account is shown as a machine', async () => {
    const claims = { preferred_username: 'service-account-inspector', client_id: 'inspector' };
    const lines = await explain(
      await issuers.keycloak.accessToken({ ...about, subject: 'f3c0', claims }),
      trust('keycloak'),
    );
    expect(line(lines, 'machine')).toMatchObject({ value: 'true', status: 'info' });
  });

  test('its ID token is told apart', async () => {
    const listed = trust('keycloak', { audiences: ['inspector'] });
    const lines = await explain(
      await issuers.keycloak.idToken({ ...about, claims: { typ: 'ID', azp: 'inspector' } }),
      listed,
    );
    expect(failures(lines)).toEqual(['kind of token']);
    expect(line(lines, 'kind of token')?.fix).toContain('id_token');
  });
});

test('pairwise subjects: the person is the claim that the issuer names', async () => {
  const lines = await explain(await issuers.pairwise.accessToken(about), trust('pairwise'));
  expect(failures(lines)).toEqual([]);
  expect(line(lines, 'subject')?.value).toBe('alice');
});
