import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServicePurpose, ServiceTokenRequest } from '#lib/contract/exchange';
import type { TokenOutcome } from '#lib/contract/vault-answers';
import { createLogger } from '#lib/observability/logger';
import { TestClock } from '#lib/testing/test-clock';
import {
  type GatewayFixture,
  startGatewayFixture,
  tokenAnswer,
  upstreamOf,
} from '../gateway-fixture.js';
import { Heartbeats } from '../upstreams/heartbeats.js';
import { ServiceCredentials } from './service-credentials.js';

const shown = upstreamOf('shown', 'https://api.example', {
  discovery: true,
  open: ['public'],
  public: true,
});
const fixed = upstreamOf('fixed', 'https://api.example', {
  credential: { type: 'static', scopes: [] },
});

describe('what is nobody’s own', () => {
  let clock: TestClock;
  let heartbeats: Heartbeats;
  let asked: ServiceTokenRequest[];
  let answer: (wanted: ServiceTokenRequest) => TokenOutcome;
  let services: ServiceCredentials;

  beforeEach(() => {
    clock = new TestClock();
    heartbeats = new Heartbeats(clock, 3000, () => undefined);
    heartbeats.beat(clock.now());
    asked = [];
    answer = () => tokenOf(`s${asked.length}`);
    const serviceToken = async (wanted: ServiceTokenRequest) => {
      asked.push(wanted);
      return answer(wanted);
    };
    const logger = createLogger({ app: 'test', level: 'silent' });
    services = new ServiceCredentials({
      vault: { serviceToken },
      clock,
      freshness: heartbeats,
      logger,
    });
  });

  function tokenOf(access_token: string, expires_in = 300): TokenOutcome {
    return {
      kind: 'token',
      token: { access_token, issued_token_type: '', token_type: 'Bearer', expires_in },
    };
  }

  async function header(upstream = fixed, purpose: ServicePurpose = 'own') {
    const borrowed = await services.borrow(upstream, purpose);
    return borrowed.kind === 'credential' ? borrowed.header?.[1] : borrowed.kind;
  }

  test('is asked for once, and then at hand without a promise for a minute', async () => {
    expect(await Promise.all([header(), header(), header()])).toEqual(Array(3).fill('Bearer s1'));
    expect(services.borrow(fixed, 'own')).not.toBeInstanceOf(Promise);
    expect(asked).toEqual([{ audience: 'fixed', purpose: 'own' }]);
    clock.advance(61);
    heartbeats.beat(clock.now());
    expect(await header()).toBe('Bearer s2');
  });

  test('is one per purpose: what is for lists never serves a call', async () => {
    expect(await header(shown, 'discovery')).toBe('Bearer s1');
    expect(await header(shown, 'own')).toBe('forbidden');
    expect(asked).toHaveLength(1);
  });

  test('is not asked for where nothing is registered, or where nothing is needed', async () => {
    expect(await header(fixed, 'discovery')).toBe('forbidden');
    expect(await header(shown, 'public')).toBeUndefined();
    expect(asked).toHaveLength(0);
  });

  test('is asked for each time while nothing is heard of the vault', async () => {
    await header();
    clock.advance(4);
    expect([await header(), await header()]).toEqual(['Bearer s2', 'Bearer s3']);
  });

  test('is forgotten with a change, even where its question was under way', async () => {
    const early = header();
    services.clear();
    expect([await early, await header(), await header()]).toEqual([
      'Bearer s1',
      'Bearer s2',
      'Bearer s2',
    ]);
  });

  test('is replaced where the upstream refuses it; the same one again is the refusal itself', async () => {
    const first = await services.borrow(fixed, 'own');
    if (first.kind !== 'credential') throw new Error(first.kind);
    const second = await services.replace(fixed, first);
    if (second.kind !== 'credential') throw new Error(second.kind);
    expect(second.header?.[1]).toBe('Bearer s2');
    expect(asked[1]?.rejectedTokenSha256).toMatch(/^[\w-]{43}$/);
    answer = () => tokenOf('s2');
    expect(await services.replace(fixed, second)).toBe(second);
  });

  test('what the vault refuses is no fault of a caller’s token', async () => {
    answer = () => ({ kind: 'invalid-subject-token', detail: '' });
    expect(await header()).toBe('forbidden');
    answer = () => ({ kind: 'unavailable', retryAfterSeconds: 2, detail: 'down' });
    expect(await header()).toBe('unavailable');
  });
});

describe('an upstream whose credential is the service’s', () => {
  let fixture: GatewayFixture;
  beforeAll(async () => {
    fixture = await startGatewayFixture({
      upstreams: (origin) => [
        upstreamOf('fixed', `${origin}/api`, {
          credential: { type: 'static', scopes: [] },
          inject: { header: 'x-api-key', scheme: '' },
          access: { scopes: ['reports'], claims: {} },
        }),
      ],
      snapshot: {
        applications: [{ issuer: 'corporate', clientId: 'bad', name: 'Bad', trust: 'blocked' }],
      },
    });
    fixture.vault.answer = (form) =>
      tokenAnswer(`key-${form.get('purpose')}`, { grant_id: undefined });
  });
  afterAll(() => fixture.stop());

  async function call(subject: string, about: { clientId?: string; scope?: string } = {}) {
    const { clientId = 'cli', scope = 'reports' } = about;
    const audience = `${fixture.origin}/http/fixed`;
    const token = await fixture.issuer.accessToken({
      subject,
      clientId,
      audience,
      claims: { scope },
    });
    const headers = { authorization: `Bearer ${token}`, 'x-api-key': 'of the caller' };
    const response = await fetch(`${fixture.origin}/http/fixed/reports`, { headers });
    await response.arrayBuffer();
    return response.status;
  }

  test('serves all who are admitted with one, and the log says who called', async () => {
    expect([await call('alice'), await call('bob')]).toEqual([200, 200]);
    expect(fixture.seen.map(({ headers }) => headers['x-api-key'])).toEqual(['key-own', 'key-own']);
    expect(fixture.vault.exchanges).toHaveLength(1);
    const [form] = fixture.vault.exchanges;
    expect([form?.get('grant_type'), form?.get('audience'), form?.get('subject_token')]).toEqual([
      'client_credentials',
      'fixed',
      null,
    ]);
    const said = () => fixture.log.join('');
    await expect.poll(said).toMatch(/"http\.call".*"subject":"bob"/);
    expect(fixture.log.join('')).not.toContain('key-own');
  });

  test('row 32, confused deputy: it is nobody’s who is not admitted', async () => {
    const before = fixture.seen.length;
    expect(await call('alice', { scope: 'other' })).toBe(403);
    expect(await call('alice', { clientId: 'bad' })).toBe(403);
    expect(fixture.seen).toHaveLength(before);
  });

  test('a 401 of the upstream brings one other, once', async () => {
    fixture.vault.answer = () => tokenAnswer('key-2', { grant_id: undefined });
    fixture.serve = ({ headers }, response) =>
      void response.writeHead(headers['x-api-key'] === 'key-2' ? 200 : 401).end();
    const before = fixture.vault.exchanges.length;
    expect(await call('alice')).toBe(200);
    expect(
      fixture.vault.exchanges.slice(before).map((f) => f.get('rejected_token_sha256')),
    ).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    fixture.serve = (_request, response) => void response.writeHead(401).end();
    expect(await call('alice')).toBe(502);
  });
});
