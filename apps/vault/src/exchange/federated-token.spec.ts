import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { queryDatabase } from '#lib/testing/postgres-query';
import { status, tooManyRequests } from '#lib/testing/scripted-answer';
import type { AdmittedCall } from './exchange-call.js';
import { FederatedToken, type FederatedTokenParts } from './federated-token.js';
import { ExchangeFixture } from './exchange-fixture.js';

let fixture: ExchangeFixture;
beforeAll(async () => {
  fixture = await ExchangeFixture.start();
  await fixture.put('issuers/corporate', corporate({ alsoIssuedAs: [fixture.provider.issuer] }));
  const exchange = { type: 'token-exchange', oauthClient: 'snowid' };
  await upstream('federated', { ...exchange, audience: 'api://reports', scopes: ['reports'] });
  const behalf = { flow: 'on-behalf-of', scopes: ['https://graph.example/.default'] };
  await upstream('behalf', { ...exchange, ...behalf });
  const upstreams = ['federated', 'behalf'];
  const publicUrl = 'https://gateway.example.com';
  await fixture.addClient('gateway', { kind: 'gateway', publicUrl, upstreams });
});
afterAll(() => fixture.stop());
beforeEach(() => fixture.provider.always('token', issued('of-the-person')));

const corporate = (changes: object) => ({
  issuer: fixture.issuer.issuer,
  login: { clientId: 'vault' },
  ...changes,
});

async function upstream(slug: string, credential: Record<string, unknown>): Promise<void> {
  const url = `http://127.0.0.1:9/${slug}`;
  await fixture.put(`upstreams/${slug}`, { name: slug, type: 'http', url, credential });
}

const issued = (access_token: string) =>
  status(200, {
    access_token,
    token_type: 'Bearer',
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    expires_in: 600,
  });
const tokenFor = (subject: string, about = {}) =>
  fixture.token(subject, { audience: 'https://gateway.example.com', ...about });
const asked = () => fixture.provider.count('token');
const sent = () =>
  Object.fromEntries(
    fixture.provider.requests.findLast(({ endpoint }) => endpoint === 'token')?.parameters ?? [],
  );

describe('the caller’s own token', () => {
  test('is exchanged where it was signed (RFC 8693), with a record, without a page, and nothing is kept', async () => {
    const token = await tokenFor('alice');
    const { status: code, body } = await fixture.exchange(token, { audience: 'federated' });
    expect([code, body]).toEqual([
      200,
      {
        access_token: 'of-the-person',
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: expect.any(Number),
        scope: 'reports',
      },
    ]);
    expect(sent()).toMatchObject({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: 'api://reports',
      scope: 'reports',
    });
    const record = `audit_event WHERE action = 'token.exchanged' AND actor->>'subject' = 'alice'
      AND target->>'upstream' = 'federated' AND detail->>'flow' = 'token-exchange'`;
    expect(await fixture.count(record)).toBe(1);
    expect(await fixture.count('user_grant')).toBe(0);
    expect(await fixture.count('interaction')).toBe(0);
    const log = fixture.log.join('');
    expect([log.includes(token), log.includes('of-the-person')]).toEqual([false, false]);
  });

  test('R10: without its audit record none leaves', async () => {
    const away = (from: string, to: string) =>
      queryDatabase(fixture.fresh.url, `ALTER TABLE ${from} RENAME TO ${to}`);
    await away('audit_event', 'audit_event_away');
    const answer = await fixture.exchange(await tokenFor('alice'), { audience: 'federated' });
    await away('audit_event_away', 'audit_event');
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(JSON.stringify(answer.body)).not.toContain('of-the-person');
  });

  test('is shown on behalf of the person as Entra has it', async () => {
    const token = await tokenFor('alice');
    expect((await fixture.exchange(token, { audience: 'behalf' })).status).toBe(200);
    expect(sent()).toMatchObject({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: token,
      requested_token_use: 'on_behalf_of',
      scope: 'https://graph.example/.default',
    });
    expect(sent()).not.toHaveProperty('subject_token');
  });

  test('row 32, confused deputy: it is sent to nobody but its issuer, unless that is allowed by name', async () => {
    await fixture.put('issuers/corporate', corporate({ alsoIssuedAs: [] }));
    const before = fixture.provider.requests.length;
    const refused = await fixture.exchange(await tokenFor('alice'), { audience: 'federated' });
    expect([refused.status, refused.body.error]).toEqual([400, 'access_denied']);
    expect(fixture.provider.requests.length - before).toBe(0);
    const exchange = { type: 'token-exchange', oauthClient: 'snowid' };
    await upstream('federated', { ...exchange, subjectIssuers: ['corporate'] });
    const allowed = await fixture.exchange(await tokenFor('alice'), { audience: 'federated' });
    expect(allowed.status).toBe(200);
  });

  test('row 32, confused deputy: a token of the vault for the same person is never exchanged', async () => {
    const corp = { slug: 'corporate', issuer: 'https://corp.example', alsoIssuedAs: [] };
    const client = { issuer: corp.issuer, scopes: [], optionalScopes: [] };
    let requests = 0;
    const parts = {
      registry: {
        current: () => ({
          oauthClient: () => ({ document: client }),
          issuerById: () => ({ document: corp }),
        }),
      },
      requests: { ask: () => Promise.reject(new Error(`asked ${(requests += 1)} times`)) },
    };
    const caller = { iss: 'https://vault.example', issuer: 'corporate', subject: 'alice' };
    const call = { subject: { issuerId: 'i', caller }, parameters: { scopes: [] } };
    const answer = await new FederatedToken(parts as unknown as FederatedTokenParts).exchange(
      call as unknown as AdmittedCall,
      {
        ...{ type: 'token-exchange', flow: 'token-exchange', oauthClient: 'x' },
        subjectIssuers: ['corporate'],
      },
    );
    expect([answer, requests]).toMatchObject([{ error: 'access_denied' }, 0]);
  });

  test('an issuer that is not registered cannot be allowed', async () => {
    const credential = {
      type: 'token-exchange',
      oauthClient: 'snowid',
      subjectIssuers: ['nobody'],
    };
    await expect(upstream('federated', credential)).rejects.toThrow('/credential/subjectIssuers/0');
  });
});

describe('what the authorization server says', () => {
  test.each([
    ['invalid_grant', 400],
    ['interaction_required', 400],
    ['consent_required', 400],
  ])('%s is told as it is, and leads to no page of ours', async (error, code) => {
    const body = { error, error_description: 'AADSTS65001: the user or administrator …' };
    fixture.provider.always('token', status(code, body));
    const answer = await fixture.exchange(await tokenFor('alice'), { audience: 'federated' });
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
    expect(JSON.stringify(answer.body)).not.toContain('AADSTS');
    expect(await fixture.count('interaction')).toBe(0);
  });

  test.each([
    ['is down', status(503), 1],
    ['asks for time', tooManyRequests(33), 33],
    ['does not know our registration', status(401, { error: 'invalid_client' }), 30],
  ] as const)('that it %s is 503 with Retry-After', async (_, answer, least) => {
    fixture.provider.always('token', answer);
    const { status: code, headers } = await fixture.exchange(await tokenFor('alice'), {
      audience: 'federated',
    });
    expect(code).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(least);
  });
});

describe('nothing is asked for', () => {
  async function refusal(token: string): Promise<unknown> {
    const before = asked();
    const { body } = await fixture.exchange(token, { audience: 'federated' });
    expect(asked() - before).toBe(0);
    return body.error;
  }

  test('a program that is no person', async () => {
    expect(await refusal(await tokenFor('assistant'))).toBe('access_denied');
  });

  test('a blocked application', async () => {
    expect(await refusal(await tokenFor('alice', { clientId: 'bad-app' }))).toBe('access_denied');
  });

  test('somebody who has left', async () => {
    const gone = { issuer: 'corporate', subject: 'gone' };
    expect((await fixture.admin('POST', 'leavers', gone)).ok).toBe(true);
    expect(await refusal(await tokenFor('gone'))).toBe('access_denied');
  });

  test('a scope that is not offered', async () => {
    const before = asked();
    const wide = { audience: 'federated', scope: 'everything' };
    expect((await fixture.exchange(await tokenFor('alice'), wide)).body.error).toBe(
      'invalid_scope',
    );
    expect(asked() - before).toBe(0);
  });
});
