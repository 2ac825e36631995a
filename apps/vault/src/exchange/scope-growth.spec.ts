import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Answered, ExchangeFixture } from './exchange-fixture.js';

let fixture: ExchangeFixture;
let person: string;
let people = 0;

beforeAll(async () => {
  fixture = await ExchangeFixture.start();
  await fixture.registration({ optionalScopes: ['write', 'delete'] });
});
afterAll(() => fixture.stop());
beforeEach(() => {
  people += 1;
  person = `person-${people}`;
});

const base = ['offline_access', 'read'];
const grown = [...base, 'write'];

async function exchange(
  scope?: string,
  application = 'assistant',
  more: Record<string, string> = {},
): Promise<Answered> {
  const token = await fixture.token(person, { clientId: application });
  return fixture.exchange(token, { scope, ...more });
}

const interactions = () =>
  fixture.seed.database.query(
    `SELECT application, purpose, scopes, status FROM interaction WHERE subject = $1 ORDER BY created_at`,
    [person],
  );
const scopeOf = ({ body }: Answered) => fixture.provider.issuedFor(body.access_token)?.scope;

describe('a call that needs more than was allowed', () => {
  test('row 15: however often it comes it is one request, for what there was and what is new; other calls go on', async () => {
    const { accessToken } = await fixture.grant(person);
    await fixture.consent(person);
    const asked = await Promise.all(Array.from({ length: 10 }, () => exchange('write')));
    expect(new Set(asked.map(({ body }) => body.error))).toEqual(new Set(['interaction_required']));
    expect(asked[0]?.body['message']).toContain('needs a permission that you have not given yet');
    expect(await interactions()).toEqual([
      { application: 'assistant', purpose: 'scopes', scopes: grown, status: 'pending' },
    ]);
    expect((await exchange()).body.access_token).toBe(accessToken);
  });

  test('and then more still: the one request grows to the union', async () => {
    await fixture.grant(person);
    await fixture.consent(person);
    await exchange('write');
    await exchange('delete');
    expect(await interactions()).toMatchObject([{ scopes: ['delete', ...grown] }]);
  });

  test('once asked is enough: a server that granted less is served with what there is, without a loop', async () => {
    const { accessToken } = await fixture.grant(person, undefined, grown, base);
    await fixture.consent(person, {}, grown);
    for (let call = 0; call < 3; call += 1) {
      const { status, body } = await exchange('write');
      expect([status, body.access_token, body['scope']]).toEqual([
        200,
        accessToken,
        'offline_access read',
      ]);
    }
    expect(await interactions()).toEqual([]);
  });

  test('what the application had is asked for again with it, unless it is not offered any more', async () => {
    await fixture.grant(person);
    await fixture.consent(person, {}, [...base, 'withdrawn', 'delete']);
    await exchange('write');
    expect(await interactions()).toMatchObject([{ scopes: ['delete', ...grown] }]);
  });

  test('interaction=none says so and asks nobody', async () => {
    await fixture.grant(person);
    await fixture.consent(person);
    const { body } = await exchange('write', 'assistant', { interaction: 'none' });
    expect(body).toMatchObject({ error: 'interaction_required' });
    expect(body).not.toHaveProperty('interaction_uri');
    expect(await interactions()).toEqual([]);
  });
});

describe('a grant that has grown for one application', () => {
  beforeEach(async () => {
    await fixture.grant(person, undefined, grown);
    await fixture.consent(person, {}, grown);
    await fixture.consent(person, { application: 'modest' });
  });

  test('another that was allowed less is never handed the wider token', async () => {
    const wide = await exchange();
    const narrow = await exchange(undefined, 'modest');
    expect(narrow.body.access_token).not.toBe(wide.body.access_token);
    expect(scopeOf(narrow)).toBe('offline_access read');
    expect(narrow.body['scope']).toBe('offline_access read');
    expect(wide.body['scope']).toBe('offline_access read write');
    expect((await exchange(undefined, 'modest')).body.access_token).toBe(narrow.body.access_token);
    expect((await exchange('write')).body.access_token).toBe(wide.body.access_token);
  });

  test('another that asks for more is asked on our own page', async () => {
    expect((await exchange('write', 'modest')).body.error).toBe('interaction_required');
    expect(await interactions()).toEqual([
      { application: 'modest', purpose: 'scopes', scopes: grown, status: 'pending' },
    ]);
    await fixture.consent(person, { application: 'modest' }, grown);
    const [wide, now] = [await exchange(), await exchange(undefined, 'modest')];
    expect(now.body.access_token).toBe(wide.body.access_token);
  });

  test('narrowing: false is for servers that cannot: all are handed the one token', async () => {
    await fixture.registration({ optionalScopes: ['write', 'delete'], narrowing: false });
    const [wide, narrow] = [await exchange(), await exchange(undefined, 'modest')];
    await fixture.registration({ optionalScopes: ['write', 'delete'] });
    expect(narrow.body.access_token).toBe(wide.body.access_token);
  });
});

describe('which scopes may be asked for', () => {
  test('optional ones are not asked for until a call names them', async () => {
    expect((await exchange()).body.error).toBe('interaction_required');
    expect(await interactions()).toMatchObject([{ purpose: 'connect', scopes: base }]);
  });

  test.each(['admin', 'write admin', 'READ'])(
    'row 32: %j, which nobody listed, is invalid_scope, whoever asks, and no person is asked',
    async (scope) => {
      await fixture.grant(person);
      await fixture.consent(person);
      expect(await exchange(scope)).toMatchObject({
        status: 400,
        body: { error: 'invalid_scope' },
      });
      const asRobot = await fixture.exchange(
        await fixture.token(person, { audience: 'https://robot.example.com' }),
        { scope, client_assertion: await fixture.assertion('robot') },
      );
      expect(asRobot).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
      expect(await interactions()).toEqual([]);
    },
  );

  test('a rule for a tool lists what that tool needs of the grant', async () => {
    await fixture.put('upstreams/snowdemo', {
      name: 'snowdemo',
      type: 'mcp',
      url: 'http://127.0.0.1:9/snowdemo',
      credential: { type: 'oauth', oauthClient: 'snowid' },
      tools: { share: { upstreamScopes: ['publish'] } },
    });
    await fixture.grant(person);
    await fixture.consent(person);
    expect((await exchange()).status).toBe(200);
    expect((await exchange('publish')).body.error).toBe('interaction_required');
    expect(await interactions()).toMatchObject([{ scopes: [...base, 'publish'].sort() }]);
    expect((await exchange()).status).toBe(200);
  });

  test('a service asks for an optional one by itself, for its own consent', async () => {
    await fixture.grant(person);
    await fixture.consent(person, { consumer: 'robot' });
    const { body } = await fixture.exchange(
      await fixture.token(person, { audience: 'https://robot.example.com' }),
      { scope: 'write', client_assertion: await fixture.assertion('robot') },
    );
    expect(body.error).toBe('interaction_required');
    expect(await interactions()).toMatchObject([{ purpose: 'scopes', scopes: grown }]);
  });
});
