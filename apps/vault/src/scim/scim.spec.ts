import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestIssuer } from '#lib/testing/test-issuer';
import { ExchangeFixture } from '../exchange/exchange-fixture.js';

let vault: ExchangeFixture;
let other: TestIssuer;
let token: string;
let othersToken: string;
let people = 0;
let subject: string;

beforeAll(async () => {
  vault = await ExchangeFixture.start();
  other = await TestIssuer.start();
  await vault.put('issuers/subsidiary', { issuer: other.issuer, login: { clientId: 'vault' } });
  token = await serviceOf('corporate');
  othersToken = await serviceOf('subsidiary');
});
afterAll(async () => {
  await other.stop();
  await vault.stop();
});
beforeEach(() => {
  subject = `person-${(people += 1)}`;
});

async function serviceOf(slug: string): Promise<string> {
  expect((await vault.admin('PUT', `issuers/${slug}/scim`, {})).status).toBe(200);
  const made = await vault.admin('POST', `issuers/${slug}/scim/tokens`);
  expect(made.status).toBe(201);
  return ((await made.json()) as { token: string }).token;
}

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test knows the shape it asked for
  readonly body: any;
}

interface How {
  readonly by?: string | null;
  readonly at?: string;
  readonly type?: string;
}

async function scim(
  method: string,
  path: string,
  sent?: unknown,
  { by = token, at = 'corporate', type = 'application/scim+json' }: How = {},
): Promise<Answered> {
  const answer = await fetch(`${vault.vaults[0]?.origin}/scim/v2/${at}/${path}`, {
    method,
    headers: {
      ...(by === null ? {} : { authorization: `Bearer ${by}` }),
      ...(sent === undefined ? {} : { 'content-type': type }),
    },
    ...(sent === undefined ? {} : { body: typeof sent === 'string' ? sent : JSON.stringify(sent) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';

/** As Entra creates a user; it sends much more than is kept. */
function entraUser(more: object = {}): object {
  return {
    schemas: [userSchema, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'],
    userName: `${subject}@example.com`,
    externalId: subject,
    active: true,
    displayName: 'A Person',
    emails: [{ primary: true, type: 'work', value: `${subject}@example.com` }],
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'research' },
    ...more,
  };
}

const patch = (...operations: object[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: operations,
});

const create = async (more?: object) => (await scim('POST', 'Users', entraUser(more))).body;

/** The person of this test has connected and is served. */
async function connected(): Promise<string> {
  await vault.grant(subject);
  await vault.consent(subject);
  const corporate = await vault.token(subject);
  expect((await vault.exchange(corporate)).status).toBe(200);
  return corporate;
}

const said = async (corporate: string) => (await vault.exchange(corporate)).body.error;

async function leavers(query = `subject=${subject}`) {
  const answer = await vault.admin('GET', `leavers?${query}`);
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  return ((await answer.json()) as any).items;
}

describe('an identity provider that deactivates a person', () => {
  test.each([
    ['as Entra does', patch({ op: 'Replace', path: 'active', value: 'False' })],
    ['as Entra once did', patch({ op: 'Replace', path: 'active', value: [{ value: 'False' }] })],
    ['as Okta does', patch({ op: 'replace', value: { active: false } })],
    ['by the whole name', patch({ op: 'replace', path: `${userSchema}:active`, value: false })],
  ])('%s ends everything of theirs, and its issuer signs in vain', async (_, body) => {
    const { id } = await create();
    const corporate = await connected();
    const answer = await scim('PATCH', `Users/${id}`, body);
    expect([answer.status, answer.body.active]).toEqual([200, false]);
    expect(await said(corporate)).toBe('access_denied');
    const [leaver] = await leavers();
    expect(leaver).toMatchObject({ issuer: 'corporate', bar: { inForce: true, setBy: 'scim' } });
    const receipt = await (await vault.admin('GET', `leavers/${leaver.id}`)).json();
    expect(receipt).toMatchObject({
      receipt: {
        orderedBy: { kind: 'machine', client: 'scim', issuer: 'corporate' },
        ended: { connections: 1, consents: 1 },
      },
    });
  });

  test.each([
    ['as Entra does', 'PATCH', patch({ op: 'Replace', path: 'active', value: 'True' })],
    ['as Okta does', 'PUT', { active: true }],
  ])('and activates them again, %s, lifts the bar that it set', async (_, method, body) => {
    const { id } = await create({ active: false });
    const corporate = await vault.token(subject);
    expect(await said(corporate)).toBe('access_denied');
    const sent = method === 'PUT' ? entraUser(body) : body;
    expect((await scim(method, `Users/${id}`, sent)).body.active).toBe(true);
    expect(await said(corporate)).toBe('interaction_required');
    expect((await leavers())[0].bar).toMatchObject({ inForce: false });
  });

  test('lifts no bar that an administrator set', async () => {
    const { id } = await create();
    await vault.admin('POST', 'leavers', { issuer: 'corporate', subject });
    await scim('PATCH', `Users/${id}`, patch({ op: 'replace', value: { active: false } }));
    await scim('PATCH', `Users/${id}`, patch({ op: 'replace', value: { active: true } }));
    expect((await leavers())[0].bar).toMatchObject({ inForce: true, setBy: 'admin' });
    expect(await said(await vault.token(subject))).toBe('access_denied');
  });

  test('by DELETE ends everything too; created anew they may begin anew', async () => {
    const { id } = await create();
    const corporate = await connected();
    expect((await scim('DELETE', `Users/${id}`)).status).toBe(204);
    expect(await said(corporate)).toBe('access_denied');
    expect((await scim('GET', `Users/${id}`)).status).toBe(404);
    await create();
    expect(await said(corporate)).toBe('interaction_required');
  });

  test('by PUT without a word on it brings nobody back', async () => {
    const { id } = await create({ active: false });
    const answer = await scim('PUT', `Users/${id}`, entraUser({ active: undefined }));
    expect(answer.body.active).toBe(false);
  });

  test('who gets another subject ends what the old one had', async () => {
    const { id } = await create();
    const corporate = await connected();
    const renamed = { op: 'replace', path: 'externalId', value: `${subject}-new` };
    expect((await scim('PATCH', `Users/${id}`, patch(renamed))).status).toBe(200);
    expect(await said(corporate)).toBe('access_denied');
    expect(await said(await vault.token(`${subject}-new`))).toBe('interaction_required');
  });
});

describe('row 38, admin authorisation: the SCIM service', () => {
  const calls = [
    ['GET', 'Users'],
    ['POST', 'Users'],
    ['GET', 'ServiceProviderConfig'],
    ['PATCH', 'Users/00000000-0000-4000-8000-000000000000'],
    ['GET', 'Groups'],
  ] as const;

  test.each(calls)('answers %s %s to its own token only', async (method, path) => {
    const strangers: How[] = [
      { by: null },
      { by: 'x'.repeat(43) },
      { by: othersToken },
      { at: 'subsidiary' },
      { at: 'nobody' },
    ];
    for (const stranger of strangers) {
      const { status, headers, body } = await scim(method, path, undefined, stranger);
      expect([status, headers.get('www-authenticate')]).toEqual([
        401,
        'Bearer realm="symbolon scim"',
      ]);
      expect(body.schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:Error']);
    }
  });

  test('of one issuer cannot touch the people of another', async () => {
    const { id } = await create();
    const corporate = await connected();
    const theirs = { by: othersToken, at: 'subsidiary' };
    const inactive = patch({ op: 'replace', value: { active: false } });
    for (const [method, body] of [
      ['GET', undefined],
      ['PATCH', inactive],
      ['PUT', entraUser({ active: false })],
      ['DELETE', undefined],
    ] as const)
      expect((await scim(method, `Users/${id}`, body, theirs)).status).toBe(404);
    const twin = await scim('POST', 'Users', entraUser({ active: false }), theirs);
    expect(twin.status).toBe(201);
    expect((await vault.exchange(corporate)).status).toBe(200);
    expect((await leavers()).map((leaver: { issuer: string }) => leaver.issuer)).toEqual([
      'subsidiary',
    ]);
    const listed = await scim('GET', `Users?filter=externalId eq "${subject}"`, undefined, theirs);
    expect(listed.body.Resources.map((user: { id: string }) => user.id)).toEqual([twin.body.id]);
  });

  test('has tokens that are shown once, stored as hashes, two at most, and end when removed', async () => {
    const shown = async () => (await vault.admin('GET', 'issuers/corporate/scim')).json();
    const made = await vault.admin('POST', 'issuers/corporate/scim/tokens');
    const second = (await made.json()) as { id: string; token: string };
    expect((await vault.admin('POST', 'issuers/corporate/scim/tokens')).status).toBe(409);
    expect(JSON.stringify(await shown())).not.toContain(second.token);
    const rows = await vault.seed.database.query<{ row: string }>(
      `SELECT t::text AS row FROM scim_token t UNION ALL SELECT e::text FROM audit_event e`,
    );
    const kept = [...rows.map(({ row }) => row), ...vault.log].join('\n');
    expect(kept).not.toContain(second.token.slice(-43));
    expect((await scim('GET', 'Users?count=0', undefined, { by: second.token })).status).toBe(200);
    expect(await shown()).toMatchObject({
      baseUrl: `${vault.publicUrl}/scim/v2/corporate`,
      subjectAttribute: 'externalId',
      tokens: [{ lastUsedAt: expect.any(String) }, { id: second.id }],
    });
    const path = `issuers/corporate/scim/tokens/${second.id}`;
    expect((await vault.admin('DELETE', path)).status).toBe(204);
    expect((await vault.admin('DELETE', path)).status).toBe(404);
    expect((await scim('GET', 'Users', undefined, { by: second.token })).status).toBe(401);
  });

  test('keeps the attribute that names its people while it has any', async () => {
    await create();
    const change = { subjectAttribute: 'userName' };
    expect((await vault.admin('PUT', 'issuers/corporate/scim', change)).status).toBe(409);
    expect((await vault.admin('PUT', 'issuers/corporate/scim', { subject: 'x' })).status).toBe(422);
    expect((await vault.admin('GET', 'issuers/nobody/scim')).status).toBe(404);
  });
});

describe('users', () => {
  test('are answered as RFC 7643 has them, with what is kept and no more', async () => {
    const made = await scim('POST', 'Users', entraUser());
    const base = `${vault.publicUrl}/scim/v2/corporate`;
    expect([made.status, made.headers.get('content-type')]).toEqual([
      201,
      expect.stringContaining('application/scim+json'),
    ]);
    expect(made.headers.get('location')).toBe(`${base}/Users/${made.body.id}`);
    expect(made.body).toEqual({
      schemas: [userSchema],
      id: expect.any(String),
      externalId: subject,
      userName: `${subject}@example.com`,
      active: true,
      meta: {
        resourceType: 'User',
        created: expect.any(String),
        lastModified: expect.any(String),
        location: `${base}/Users/${made.body.id}`,
      },
    });
    expect((await scim('GET', `Users/${made.body.id}`)).body).toEqual(made.body);
  });

  test('are found by userName in any case, by externalId in theirs, and a page at a time', async () => {
    const { id } = await create();
    const found = async (query: string) =>
      (await scim('GET', `Users?${query}`)).body.Resources.map((user: { id: string }) => user.id);
    expect(await found(`filter=userName eq "${subject.toUpperCase()}@EXAMPLE.com"`)).toEqual([id]);
    expect(await found(`filter=externalId eq "${subject}" and active eq true`)).toEqual([id]);
    expect(await found(`filter=externalId eq "${subject.toUpperCase()}"`)).toEqual([]);
    expect(await found(`filter=id eq "nothing"`)).toEqual([]);
    const { body: first } = await scim('GET', 'Users?startIndex=1&count=2');
    const { body: second } = await scim('GET', 'Users?startIndex=2&count=2');
    expect(first).toMatchObject({ startIndex: 1, itemsPerPage: 2 });
    expect(second.Resources[0].id).toBe(first.Resources[1].id);
    const { body: none } = await scim('GET', 'Users?count=0');
    expect([none.totalResults > 2, none.Resources]).toEqual([true, []]);
  });

  test('are not two with one name, or two for one subject', async () => {
    await create();
    for (const more of [{ externalId: 'else' }, { userName: 'else' }]) {
      const { status, body } = await scim('POST', 'Users', entraUser(more));
      expect([status, body.scimType]).toEqual([409, 'uniqueness']);
    }
    const next = await create({ userName: `${subject}-b`, externalId: `${subject}-b` });
    const taken = patch({ op: 'replace', path: 'externalId', value: subject });
    expect((await scim('PATCH', `Users/${next.id}`, taken)).status).toBe(409);
  });

  test.each([
    ['{"userName":', 'invalidSyntax'],
    [[], 'invalidSyntax'],
    [{ schemas: ['urn:else'], userName: 'a', externalId: 'a' }, 'invalidSyntax'],
    [{ externalId: 'a' }, 'invalidValue'],
    [{ userName: 'a' }, 'invalidValue'],
    [{ userName: 'a', externalId: 'a\u0000b' }, 'invalidValue'],
    [{ userName: 'a', externalId: 'a', active: 'yes' }, 'invalidValue'],
  ])('are not made of %j', async (body, scimType) => {
    const answer = await scim('POST', 'Users', body);
    expect([answer.status, answer.body.scimType]).toEqual([400, scimType]);
    expect(answer.body).toMatchObject({ status: '400', detail: expect.any(String) });
  });

  test.each([
    ['the service says what it can', 'ServiceProviderConfig', { patch: { supported: true } }],
    ['and which resources it has', 'ResourceTypes', { totalResults: 1 }],
    ['and what of them it keeps', `Schemas/${userSchema}`, { id: userSchema }],
  ])('%s', async (_, path, holds) => {
    const { status, body } = await scim('GET', path);
    expect([status, body]).toEqual([200, expect.objectContaining(holds)]);
  });

  test('are all there is: other resources are not found, in words', async () => {
    for (const path of ['Groups', 'Me', 'Schemas/else', 'Users/nothing', 'Bulk']) {
      const { status, body } = await scim('GET', path);
      expect([status, body.schemas]).toEqual([
        404,
        ['urn:ietf:params:scim:api:messages:2.0:Error'],
      ]);
    }
  });
});
