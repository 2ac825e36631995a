import { describe, expect, test } from 'vitest';
import { template as schema, type Template } from '../templates/template.js';
import { keptValue, regularTokenAnswer } from './normalise-answer.js';

const now = 1_800_000_000;

/** A template that says only what a test is about. */
function templateWith(more: object): Template {
  return schema.parse({
    name: 'x',
    title: 'X',
    docs: 'https://x.example',
    register: 'A client.',
    scopesHint: 'None.',
    quirks: ['one'],
    issuer: 'https://x.example',
    ...more,
  });
}

async function answered(
  more: object,
  json: unknown,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
) {
  const answer = { status, headers: new Headers(headers), text: JSON.stringify(json) };
  const { response, extras } = regularTokenAnswer(templateWith(more), answer, now);
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body, extras };
}

const at = { access_token: 'at' };

describe('where things lie, and what they are called', () => {
  test('tokens below a member, of several places the first', async () => {
    const paths = {
      access_token: ['/data/access_token', '/access_token'],
      refresh_token: ['/data/refresh_token'],
    };
    const data = { access_token: 'inner', refresh_token: 'r' };
    const { body } = await answered({ token: { paths } }, { access_token: 'outer', data });
    expect(body).toMatchObject({ access_token: 'inner', refresh_token: 'r' });
    expect((await answered({ token: { paths } }, at)).body).toMatchObject({ access_token: 'at' });
  });

  test('refreshing with the access token itself: it is the refresh token too', async () => {
    const paths = { access_token: ['/access_token'], refresh_token: ['/access_token'] };
    const { body } = await answered({ token: { paths } }, at);
    expect(body).toMatchObject({ access_token: 'at', refresh_token: 'at' });
  });

  test('no token type, or a name of its own for Bearer', async () => {
    const token = { defaults: { token_type: 'Bearer' }, bearerTypes: ['user'] };
    expect((await answered({ token }, at)).body['token_type']).toBe('Bearer');
    expect((await answered({ token }, { ...at, token_type: 'user' })).body['token_type']).toBe(
      'Bearer',
    );
    expect((await answered({ token }, { ...at, token_type: 'mac' })).body['token_type']).toBe(
      'mac',
    );
  });

  test.each([
    ['a list', ['a', 'b'], 'a b'],
    ['commas', 'a,b', 'a b'],
    ['nothing', '', undefined],
    ['no text', [1], undefined],
  ])('scopes as %s', async (_name, scope, expected) => {
    const { body } = await answered({ token: { scopeSeparator: ',' } }, { ...at, scope });
    expect(body['scope']).toBe(expected);
  });
});

describe('how long a token lives', () => {
  test.each<[string, object, object, number | undefined]>([
    ['seconds', {}, { expires_in: 60 }, 60],
    ['milliseconds', { unit: 'milliseconds' }, { expires_in: 60_000 }, 60],
    ['a moment', { field: ['/exp'], format: 'at' }, { exp: now + 60 }, 60],
    [
      'a moment in milliseconds',
      { field: ['/exp'], format: 'at', unit: 'milliseconds' },
      { exp: (now + 60) * 1000 },
      60,
    ],
    ['nothing said', { assumeSeconds: 900 }, {}, 900],
    ['nonsense', { assumeSeconds: 900 }, { expires_in: 'soon' }, 900],
    ['for ever, whatever is said', { none: true }, { expires_in: 60 }, undefined],
    ['to be asked', { introspect: true, assumeSeconds: 900 }, {}, undefined],
  ])('%s', async (_name, expiry, json, expected) => {
    expect((await answered({ expiry }, { ...at, ...json })).body['expires_in']).toBe(expected);
  });
});

describe('errors', () => {
  const errors = { BAD_REFRESH_TOKEN: 'invalid_grant' };

  test('in a 200, by a member that is there or has a value', async () => {
    const there = { token: { errorIn200: { pointer: '/error' } } };
    expect(await answered(there, { error: 'invalid_grant' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
      extras: undefined,
    });
    const valued = { token: { errorIn200: { pointer: '/ok', equals: false } } };
    expect((await answered(valued, { ok: false, error: 'x' })).body).toEqual({ error: 'x' });
    expect((await answered(valued, { ok: true, ...at })).body).toMatchObject(at);
  });

  test('under their own names, at their own places', async () => {
    const token = { errorPaths: ['/error', '/status'], errors };
    const json = { error: 'bad', status: 'BAD_REFRESH_TOKEN' };
    expect(await answered({ token }, json, { status: 400 })).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  test('an unknown one stays what it is, and one without a name ends nothing', async () => {
    expect((await answered({}, { error: 'odd' }, { status: 400 })).body).toEqual({ error: 'odd' });
    expect((await answered({}, {}, { status: 400 })).body).toEqual({ error: 'unknown_error' });
  });

  test.each([429, 500, 503])(
    'row 39, misjudged errors: with %i no name of an error ends a grant',
    async (status) => {
      const answer = await answered(
        { token: { errors } },
        { error: 'BAD_REFRESH_TOKEN' },
        { status },
      );
      expect(answer).toMatchObject({ status, body: { error: 'temporarily_unavailable' } });
      const plain = await answered({}, { error: 'invalid_grant' }, { status });
      expect(plain.body).toEqual({ error: 'temporarily_unavailable' });
    },
  );

  test('which statuses are a success is the provider’s', async () => {
    const token = { okStatus: [201] };
    expect((await answered({ token }, at, { status: 201 })).status).toBe(200);
    expect((await answered({ token }, at, { status: 200 })).status).toBe(200);
    expect((await answered({ token }, { error: 'x' }, { status: 200 })).body).toEqual({
      error: 'x',
    });
  });
});

describe('how long to wait', () => {
  const limited = { status: 429 };

  test.each<[string, object, object, Record<string, string>, string | null]>([
    ['as RFC 9110 says it', {}, {}, { 'retry-after': '7' }, '7'],
    [
      'in a header, as a moment',
      { header: 'x-reset', format: 'at' },
      {},
      { 'x-reset': `${now + 9}` },
      '9',
    ],
    ['a moment that has passed', { header: 'x-reset', format: 'at' }, {}, { 'x-reset': '1' }, '0'],
    ['in the body', { pointer: '/retry_after' }, { retry_after: 1.5 }, {}, '2'],
    ['nowhere', { pointer: '/retry_after' }, {}, {}, null],
  ])('%s', async (_name, retry, json, headers, expected) => {
    expect((await answered({ retry }, json, { ...limited, headers })).retryAfter).toBe(expected);
  });
});

describe('what is kept with a grant', () => {
  test.each<[string, string | undefined, object, string | undefined]>([
    ['fits its pattern', '123', { pattern: '\\d+' }, '123'],
    ['does not', '123/../x', { pattern: '\\d+' }, undefined],
    [
      'leads where it may',
      'https://a.x.example/y',
      { hosts: ['*.x.example'] },
      'https://a.x.example/y',
    ],
    ['leads elsewhere', 'https://evil.example', { hosts: ['*.x.example'] }, undefined],
    ['hides a host', 'https://a.x.example@evil.example', { hosts: ['*.x.example'] }, undefined],
    ['has a user', 'https://u:p@a.x.example', { hosts: ['*.x.example'] }, undefined],
    ['is not https', 'http://a.x.example', { hosts: ['*.x.example'] }, undefined],
    ['is no address', 'a.x.example', { hosts: ['*.x.example'] }, undefined],
    ['is what it must be', 'a', { equals: 'a' }, 'a'],
    ['is another', 'b', { equals: 'a' }, undefined],
    ['is too long', 'a'.repeat(501), {}, undefined],
    ['is not there', undefined, {}, undefined],
  ])('a value that %s', (_name, value, rule, expected) => {
    expect(keptValue(value, rule)).toBe(expected);
  });

  test('members of the token answer, and whose account it is', async () => {
    const { extras } = await answered(
      {
        metadata: { tokenResponse: { team: { pointer: '/team/id' }, none: { pointer: '/no' } } },
        account: { from: 'tokenResponse', subject: ['/user/id'], name: ['/user/name'] },
      },
      { ...at, team: { id: 7 }, user: { id: 5, name: 'Alice' } },
    );
    expect(extras).toEqual({ metadata: { team: '7' }, account: { subject: '5', name: 'Alice' } });
  });
});
