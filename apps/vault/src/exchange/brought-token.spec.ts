import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '#lib/secret/secret';
import { ExchangeFixture, gatewayUrl } from './exchange-fixture.js';

let fixture: ExchangeFixture;
let person: string;
let people = 0;

beforeAll(async () => {
  fixture = await ExchangeFixture.start();
  const credential = { type: 'user-token', instructions: 'Make one in the settings.' };
  const about = { name: 'Forge', type: 'http', url: 'http://127.0.0.1:9/forge', credential };
  await fixture.put('upstreams/forge', about);
  await fixture.put('upstreams/keyed', { ...about, inject: { header: 'X-Api-Key', scheme: '' } });
  const external = { type: 'external', url: 'https://tokens.example.com/' };
  await fixture.put('upstreams/paged', { ...about, credential: external });
  const upstreams = ['forge', 'keyed', 'paged', 'snowdemo'];
  await fixture.addClient('gateway', { kind: 'gateway', publicUrl: gatewayUrl, upstreams });
});
afterAll(() => fixture.stop());

beforeEach(() => {
  people += 1;
  person = `bringer-${people}`;
});

/** What the token page would have stored, and the consent beside it. */
async function brought(upstream = 'forge', expiresIn?: number, subject = person) {
  const registry = await fixture.seed.registry.refresh();
  const issuerId = registry.issuer('corporate')?.id ?? '';
  const upstreamId = registry.upstream(upstream)?.id ?? '';
  const now = Date.now() / 1000;
  const tokens = {
    accessToken: new Secret(`pasted-by-${subject}`),
    refreshToken: undefined,
    tokenType: 'Bearer',
    issuedAt: now,
    expiresAt: expiresIn === undefined ? undefined : now + expiresIn,
    scopes: [],
    idTokenClaims: undefined,
  };
  const key = { issuerId, subject, oauthClientId: upstreamId, partition: upstreamId };
  const asked = { scopes: [], resource: undefined };
  const grant = await fixture.seed.database.transaction((tx) =>
    fixture.seed.grants.store(tx, key, tokens, undefined, asked),
  );
  await fixture.consent(subject, { upstreamId }, []);
  return grant;
}

async function exchange(changes: Record<string, string> = {}, subject = person) {
  const audience = `${gatewayUrl}/http/${changes['audience'] ?? 'forge'}`;
  return fixture.exchange(await fixture.token(subject, { audience }), {
    audience: 'forge',
    ...changes,
  });
}

function sha256(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

describe('a token that the person brought', () => {
  test('is handed out like any other, with its record (R10)', async () => {
    const grant = await brought();
    const answer = await exchange();
    expect(answer).toMatchObject({
      status: 200,
      body: { access_token: `pasted-by-${person}`, token_type: 'Bearer', grant_id: grant.id },
    });
    expect(answer.body['scope']).toBeUndefined();
    const recorded = `audit_event WHERE action = 'token.exchanged' AND detail->>'grantId' = '${grant.id}'`;
    expect(await fixture.count(recorded)).toBe(1);
  });

  test('goes where its upstream says', async () => {
    await brought('keyed');
    expect((await exchange({ audience: 'keyed' })).body['token_type']).toBe('N_A');
  });

  test('is for one application at a time: another is asked about first', async () => {
    await brought();
    const audience = `${gatewayUrl}/http/forge`;
    const other = await fixture.token(person, { audience, clientId: 'another' });
    const answer = await fixture.exchange(other, { audience: 'forge' });
    expect(answer.body.error).toBe('interaction_required');
  });

  test('has no scopes that could be asked for', async () => {
    await brought();
    expect((await exchange({ scope: 'admin' })).body.error).toBe('invalid_scope');
  });

  test('is missed once it has expired, without asking the service', async () => {
    const grant = await brought('forge', 900);
    const answer = await exchange();
    expect(answer.body.expires_in).toBeGreaterThan(890);
    expect(answer.body.expires_in).toBeLessThanOrEqual(900);
    await fixture.seed.database.query(
      `UPDATE access_token SET issued_at = now() - interval '1 hour', expires_at = now() WHERE grant_id = $1`,
      [grant.id],
    );
    const missed = await exchange();
    expect(missed.body.error).toBe('interaction_required');
    const asked = `interaction WHERE id = '${missed.body.interaction_id}' AND purpose = 'reconnect'`;
    expect(await fixture.count(asked)).toBe(1);
  });

  test('is asked for anew when the service refuses it, at most once an hour, and stays until then', async () => {
    await brought();
    const rejected_token_sha256 = sha256(`pasted-by-${person}`);
    // A list or a handshake asks nobody, and leaves the one link to the call.
    const listing = await exchange({ rejected_token_sha256, interaction: 'none' });
    expect(listing.body['interaction_uri']).toBeUndefined();
    const first = await exchange({ rejected_token_sha256 });
    expect(first.body.error).toBe('interaction_required');
    expect(first.body['interaction_uri']).toContain('/connect/');
    const second = await exchange({ rejected_token_sha256 });
    expect(second.body.error).toBe('interaction_required');
    expect(second.body['interaction_uri']).toBeUndefined();
    expect((await exchange()).status).toBe(200);
    expect(await fixture.count(`interaction WHERE subject = '${person}'`)).toBe(1);
    expect((await exchange({ rejected_token_sha256: sha256('another') })).status).toBe(200);
  });

  test('is not handed to who waits for the one that the person is asked to bring instead', async () => {
    await brought();
    const { body } = await exchange({ rejected_token_sha256: sha256(`pasted-by-${person}`) });
    const waiting = { interaction_id: body.interaction_id ?? '', interaction: 'none' };
    expect((await exchange(waiting)).body).toMatchObject({
      error: 'interaction_required',
      interaction_id: body.interaction_id,
    });
    const another = await brought('forge', undefined, `${person}-other`);
    expect((await exchange(waiting, `${person}-other`)).body['grant_id']).toBe(another.id);
    await fixture.seed.database.query(`UPDATE interaction SET status = 'completed' WHERE id = $1`, [
      body.interaction_id,
    ]);
    expect((await exchange(waiting)).status).toBe(200);
  });

  test('row 37, ciphertexts swapped between two people: fail closed, with an alarm', async () => {
    const mine = await brought();
    const theirs = await brought('forge', undefined, `${person}-other`);
    await fixture.seed.database.query(
      `UPDATE access_token SET sealed = (SELECT sealed FROM access_token WHERE grant_id = $2) WHERE grant_id = $1`,
      [mine.id, theirs.id],
    );
    expect(await exchange()).toMatchObject({ status: 503 });
    expect(
      await fixture.count(
        `audit_event WHERE action = 'seal.broken' AND actor->>'subject' = '${person}'`,
      ),
    ).toBe(1);
    expect((await exchange({}, `${person}-other`)).status).toBe(200);
  });
});

describe('a token that a page of the company’s own is to bring', () => {
  const wait = (interaction_id: string) => exchange({ audience: 'paged', interaction_id });

  test('and does not: one interaction, pending until it expires, then said to be over', async () => {
    const answers = [];
    for (let n = 0; n < 4; n += 1) answers.push(await exchange({ audience: 'paged' }));
    const ids = new Set(answers.map(({ body }) => body.interaction_id));
    expect(ids.size).toBe(1);
    const [id = ''] = ids;
    expect((await wait(id)).body.interaction_id).toBe(id);
    expect((await fixture.interaction(id)).body['status']).toBe('pending');
    await fixture.seed.database.query('UPDATE interaction SET expires_at = now() WHERE id = $1', [
      id,
    ]);
    expect((await fixture.interaction(id)).body['status']).toBe('expired');
    const over = await wait(id);
    expect(over.body.error).toBe('interaction_required');
    expect(over.body['message']).toBe('Forge was not connected in time: ask again for a new link.');
    expect(over.body['interaction_uri']).toBeUndefined();
    expect(await fixture.count(`interaction WHERE subject = '${person}'`)).toBe(1);
  });

  test('and has brought is handed out like one that was pasted', async () => {
    await brought('paged');
    expect((await exchange({ audience: 'paged' })).body.access_token).toBe(`pasted-by-${person}`);
  });
});

interface Listed {
  readonly items: readonly Record<string, unknown>[];
}

describe('for administrators', () => {
  test('it stands among the grants by its upstream, never with a token', async () => {
    const grant = await brought();
    const text = await (await fixture.admin('GET', `grants?subject=${person}`)).text();
    expect(text).not.toContain('pasted');
    expect((JSON.parse(text) as Listed).items).toMatchObject([
      { id: grant.id, oauthClient: null, upstream: 'forge', applications: ['assistant'] },
    ]);
    for (const [filter, found] of [
      ['upstream=forge', 1],
      ['upstream=keyed', 0],
      ['oauthClient=forge', 0],
    ] as const) {
      const answer = await fixture.admin('GET', `grants?subject=${person}&${filter}`);
      expect(((await answer.json()) as Listed).items).toHaveLength(found);
    }
  });

  test('an expired one says what is to do', async () => {
    const grant = await brought('forge', -5);
    const entry = (await (await fixture.admin('GET', `grants/${grant.id}`)).json()) as object;
    expect(entry).toMatchObject({
      problem: { code: 'expired', detail: 'The token that the person brought has expired.' },
    });
  });

  test('it is ended here, and the answer says who can end it there', async () => {
    const grant = await brought();
    const answer = await fixture.admin('DELETE', `grants/${grant.id}`);
    expect(await answer.json()).toMatchObject({
      atProvider: 'not-supported',
      retrying: false,
      remaining: [{ token: 'access_token', validUntil: null }],
    });
    expect((await exchange()).body.error).toBe('interaction_required');
    expect(await fixture.count(`access_token WHERE grant_id = '${grant.id}'`)).toBe(0);
  });

  test('it ends with its person, and the receipt says that the service has to revoke it', async () => {
    await brought();
    const leaver = { issuer: 'corporate', subject: person };
    const ordered = await fixture.admin('POST', 'leavers', leaver);
    expect(ordered.status).toBeLessThan(300);
    const { id } = (await ordered.json()) as { id: string };
    const receipt = await (await fixture.admin('GET', `leavers/${id}`)).text();
    expect(receipt).toContain('an administrator of the service has to revoke it there');
    expect(receipt).toContain('"unlimited":true');
    expect((await exchange()).body.error).toBe('access_denied');
  });

  test('row 10, an upstream that moves: nobody’s token goes there before they have agreed', async () => {
    await brought();
    expect((await exchange()).status).toBe(200);
    const move = (url: string) => {
      const credential = { type: 'user-token', instructions: 'In other words.' };
      return fixture.put('upstreams/forge', { name: 'Forge', type: 'http', url, credential });
    };
    await move('http://127.0.0.1:9/forge');
    expect((await exchange()).status).toBe(200);
    await move('http://127.0.0.1:10/forge');
    expect((await exchange()).body.error).toBe('interaction_required');
    await move('http://127.0.0.1:9/forge');
  });

  test.each([
    ['(a)\\1', '/credential/pattern'],
    ['(?=a).*', '/credential/pattern'],
  ])('a pattern that could hold the vault up is refused: %s', async (pattern, pointer) => {
    const credential = { type: 'user-token', instructions: 'x', pattern };
    const body = { slug: 'x', name: 'X', type: 'http', url: 'http://127.0.0.1:9/', credential };
    const answer = await fixture.admin('PUT', 'upstreams/x', body);
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ errors: [{ pointer, code: 'invalid-value' }] });
  });

  test('row 33, a check at a forbidden address: 422', async () => {
    const check = { url: 'http://169.254.169.254/latest' };
    const credential = { type: 'user-token', instructions: 'x', check };
    const body = { slug: 'x', name: 'X', type: 'http', url: 'http://127.0.0.1:9/', credential };
    const answer = await fixture.admin('PUT', 'upstreams/x', body);
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ errors: [{ pointer: '/credential/check/url' }] });
  });
});
