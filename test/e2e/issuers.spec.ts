import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestIssuer } from '#lib/testing/test-issuer';
import type { TokenAbout } from '#lib/testing/test-issuer';
import { corePieces, TrialStack } from '#lib/testing/trial-stack';
import { admin, TrialCaller } from './trial-caller.js';

let trial: TrialStack;
let keycloak: TestIssuer;
let pairwise: TestIssuer;

const login = { clientId: 'symbolon-vault' };
const soon = { timeout: 10_000, interval: 100 };

beforeAll(async () => {
  [trial, keycloak, pairwise] = await Promise.all([
    TrialStack.start({ only: [...corePieces, 'snowdemo', 'reports'] }),
    TestIssuer.start('keycloak'),
    TestIssuer.start('pairwise'),
  ]);
  const scopes = ['openid', 'symbolon-audience'];
  const registered = await admin(trial, 'PUT', 'issuers/keycloak', {
    slug: 'keycloak',
    issuer: keycloak.issuer,
    baseScopes: scopes,
    login,
  });
  expect(registered.status).toBe(201);
});

afterAll(async () => {
  await Promise.all([keycloak?.stop(), pairwise?.stop(), trial?.stop()]);
});

/** The gateway has heard of it. */
async function isKnown({ issuer }: TestIssuer): Promise<void> {
  const metadata = `${trial.urls.gateway}/.well-known/oauth-protected-resource/http/reports`;
  const servers = async () =>
    ((await (await fetch(metadata)).json()) as { authorization_servers: string[] })
      .authorization_servers;
  await expect.poll(servers, soon).toContain(issuer);
}

/** Who may call the demo API. */
async function accessTo(upstream: string, claims: unknown): Promise<void> {
  const answer = await admin(trial, 'PATCH', `upstreams/${upstream}`, { access: { claims } });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(text);
}

const about: TokenAbout = { subject: 'alice', clientId: 'mcp-inspector' };

const keycloakToken = (more: Partial<TokenAbout>): Promise<string> =>
  keycloak.accessToken({ ...about, ...more });

function call(token: string, path = '/http/reports/reports'): Promise<Response> {
  return fetch(trial.urls.gateway + path, { headers: { authorization: `Bearer ${token}` } });
}

interface Explanation {
  readonly check: string;
  readonly status: string;
  readonly value?: string;
  readonly fix?: string;
}

async function explained(issuer: string, token: string): Promise<Map<string, Explanation>> {
  const answer = await admin(trial, 'POST', `issuers/${issuer}/test`, {
    token,
    audience: trial.urls.gateway,
  });
  const text = await answer.text();
  expect(answer.status).toBe(200);
  expect(text).not.toContain(token);
  const { checks } = JSON.parse(text) as { checks: Explanation[] };
  return new Map(checks.map((line) => [line.check, line]));
}

describe('an issuer that behaves as Keycloak does', () => {
  it.each([
    ['no aud', undefined],
    ['account only', 'account'],
  ])(
    'without an audience mapper (%s): 401, and the challenge names the scope that brings our audience',
    async (_case, audience) => {
      await isKnown(keycloak);
      const token = await keycloakToken(audience === undefined ? {} : { audience });
      for (const path of ['/http/reports/reports', '/mcp/snowdemo']) {
        const answer = await call(token, path);
        expect(answer.status).toBe(401);
        const challenge = answer.headers.get('www-authenticate') ?? '';
        expect(challenge).toContain('error="invalid_token"');
        expect(/scope="([^"]*)"/.exec(challenge)?.[1]?.split(' ')).toContain('symbolon-audience');
        const metadata = /resource_metadata="([^"]*)"/.exec(challenge)?.[1] ?? '';
        const published = (await (await fetch(metadata)).json()) as Record<string, unknown>;
        expect(published['scopes_supported']).toContain('symbolon-audience');
        expect(published['authorization_servers']).toContain(keycloak.issuer);
      }
      const checks = await explained('keycloak', token);
      expect(checks.get('aud')).toMatchObject({ status: 'fail', fix: expect.any(String) });
      const failed = [...checks.values()].filter(({ status }) => status === 'fail');
      expect(failed.map(({ check }) => check)).toEqual(['aud']);
    },
  );

  it('explains a good token claim by claim: typ JWT, azp, nested roles', async () => {
    const token = await keycloakToken({ audience: [trial.urls.gateway, 'account'] });
    const checks = await explained('keycloak', token);
    const lines = [...checks.values()];
    expect(lines.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(checks.get('typ')).toMatchObject({ status: 'pass', value: 'JWT' });
    expect(lines.some(({ value }) => value === about.clientId)).toBe(true);
    expect(JSON.stringify(lines)).toContain('/realm_access/roles');
  });

  it('with an audience mapper a person consents and is served; nested roles decide who may', async () => {
    await isKnown(keycloak);
    await accessTo('reports', { '/realm_access/roles': { includes: 'engineer' } });
    const audience = [trial.urls.gateway, 'account'];
    const visitor = await keycloakToken({
      audience,
      subject: 'carol',
      claims: { realm_access: { roles: ['visitor'] } },
    });
    const refused = async () => {
      const answer = await call(visitor);
      return { status: answer.status, body: await answer.text() };
    };
    await expect
      .poll(async () => (await refused()).body.includes('interaction_uri'), soon)
      .toBe(false);
    expect((await refused()).status).toBe(403);

    keycloak.signIn.subject = 'alice';
    const token = await keycloakToken({ audience });
    const alice = TrialCaller.of(trial, 'alice', 'keycloak', token);
    await alice.connectReports();
    expect((await alice.served()).account).toBe('alice@upstream');
    const grants = await admin(trial, 'GET', 'grants?issuer=keycloak');
    expect(await grants.json()).toMatchObject({ items: [{ subject: 'alice', status: 'active' }] });
  });

  it('row 27: its ID token is no access token', async () => {
    const claims = { aud: [trial.urls.gateway] };
    expect((await call(await keycloak.idToken({ ...about, claims }))).status).toBe(401);
  });
});

describe('an issuer with pairwise subjects', () => {
  const document = () => ({ slug: 'pairwise', issuer: pairwise.issuer, login });

  it.each(['sub', 'email', 'preferred_username'])(
    'cannot be registered with subjectClaim %s: nobody could connect, or somebody else could',
    async (subjectClaim) => {
      const answer = await admin(trial, 'PUT', 'issuers/pairwise', { ...document(), subjectClaim });
      expect(answer.status).toBe(422);
      expect(await answer.json()).toMatchObject({ errors: [{ pointer: '/subjectClaim' }] });
    },
  );

  it('with a claim that both tokens carry the whole consent works, for the right person only, and keys the grant', async () => {
    await accessTo('reports', null);
    const answer = await admin(trial, 'PUT', 'issuers/pairwise', {
      ...document(),
      subjectClaim: 'oid',
    });
    expect(answer.status).toBe(201);
    await isKnown(pairwise);
    const audience = trial.urls.gateway;
    const token = await pairwise.accessToken({ ...about, audience });
    const alice = TrialCaller.of(trial, 'alice', 'pairwise', token);
    await expect.poll(() => alice.pausedAt().catch(() => ''), soon).toContain('/connect/');
    const link = await alice.pausedAt();

    pairwise.signIn.subject = 'bob';
    const bob = TrialCaller.of(trial, 'bob', 'pairwise', token);
    expect((await bob.open(link)).status).toBe(404);

    pairwise.signIn.subject = 'alice';
    expect((await alice.consent(link)).body).toContain('is connected');
    expect((await alice.served()).account).toBe('alice@upstream');
    const grants = await admin(trial, 'GET', 'grants?issuer=pairwise');
    expect(await grants.json()).toMatchObject({ items: [{ subject: 'alice', status: 'active' }] });
    expect(decodeJwt(token).sub).not.toBe('alice');

    const elsewhere = await pairwise.accessToken({ ...about, clientId: 'another', audience });
    expect(decodeJwt(elsewhere).sub).not.toBe(decodeJwt(token).sub);
    const second = TrialCaller.of(trial, 'alice', 'pairwise', elsewhere);
    await second.connectReports();
    const after = await admin(trial, 'GET', 'grants?issuer=pairwise');
    expect(((await after.json()) as { items: unknown[] }).items).toHaveLength(1);
  });
});
