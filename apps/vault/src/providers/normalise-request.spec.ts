import { describe, expect, test } from 'vitest';
import { template as schema, type Template } from '../templates/template.js';
import {
  providerAuthorizationUrl,
  providerClientAuth,
  providerTokenRequest,
} from './normalise-request.js';

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

const begun =
  'https://x.example/authorize?client_id=me&response_type=code&scope=a+b&code_challenge=c&code_challenge_method=S256';
const authorize = (more: object, url = begun) =>
  Object.fromEntries(
    providerAuthorizationUrl(templateWith({ authorize: more }), new URL(url)).searchParams,
  );

describe('the authorization request', () => {
  test.each<[string, object, object]>([
    [
      'other names',
      { rename: { client_id: 'client_key' } },
      { client_key: 'me', client_id: undefined },
    ],
    ['less', { remove: ['response_type'] }, { response_type: undefined }],
    ['commas', { scopeSeparator: ',' }, { scope: 'a,b' }],
    ['no PKCE', { pkce: 'off' }, { code_challenge: undefined, code_challenge_method: undefined }],
    ['PKCE unless said otherwise', {}, { code_challenge: 'c', code_challenge_method: 'S256' }],
  ])('has %s', (_name, more, expected) => {
    const sent = authorize(more);
    for (const [member, value] of Object.entries(expected)) expect(sent[member]).toBe(value);
  });

  test('has an empty scope only where the server wants one', () => {
    const none = begun.replace('&scope=a+b', '');
    expect(authorize({}, none)['scope']).toBeUndefined();
    expect(authorize({ skipEmptyScope: false }, none)['scope']).toBe('');
  });

  test('has a second parameter for scopes of another kind', () => {
    const more = {
      rename: { scope: 'user_scope' },
      extraScopeParams: { scope: { prefix: 'bot:' } },
      scopeSeparator: ',',
    };
    const url = begun.replace('a+b', 'bot:x+a+bot:y');
    expect(authorize(more, url)).toMatchObject({ user_scope: 'a', scope: 'x,y' });
    expect(authorize(more)).toMatchObject({ user_scope: 'a,b' });
  });

  test('that was pushed is a reference already, beside our name', () => {
    const url = 'https://x.example/authorize?client_id=me&request_uri=urn:x';
    const rename = { client_id: 'other', response_type: 'kind' };
    expect(authorize({ rename, skipEmptyScope: false }, url)).toEqual({
      other: 'me',
      request_uri: 'urn:x',
    });
  });
});

function tokenRequest(more: object, body: Record<string, string>, refreshAt?: string) {
  const headers = new Headers({ 'content-length': '3', accept: 'application/json' });
  const sent = { url: 'https://x.example/token', headers, body: new URLSearchParams(body) };
  return providerTokenRequest(templateWith(more), sent, refreshAt);
}

const refreshing = { grant_type: 'refresh_token', refresh_token: 'rt' };
const redeeming = { grant_type: 'authorization_code', code: 'c', code_verifier: 'v' };

describe('the token request', () => {
  test('is JSON where the server wants it, and numbers stay numbers', () => {
    const token = { bodyFormat: 'json', params: { expires_in: 60 }, headers: { 'X-Version': '1' } };
    const { headers, body } = tokenRequest({ token }, redeeming);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('x-version')).toBe('1');
    expect(headers.has('content-length')).toBe(false);
    expect(JSON.parse(body)).toEqual({ ...redeeming, expires_in: 60 });
  });

  test('has other names, less, and no verifier where there was no challenge', () => {
    const more = {
      token: { rename: { client_id: 'client_key' }, remove: ['redirect_uri'] },
      authorize: { pkce: 'off' },
    };
    const { body } = tokenRequest(more, { ...redeeming, client_id: 'me', redirect_uri: 'x' });
    expect(body).toBe('grant_type=authorization_code&code=c&client_key=me');
  });

  test('refreshes under another grant, name and address', () => {
    const refresh = {
      grant: 'fb_exchange_token',
      rename: { refresh_token: 'fb_exchange_token' },
      params: { more: '1' },
    };
    const { url, body } = tokenRequest({ refresh }, refreshing, 'https://x.example/refresh');
    expect(url).toBe('https://x.example/refresh');
    expect(body).toBe('grant_type=fb_exchange_token&fb_exchange_token=rt&more=1');
    const redeem = tokenRequest({ refresh }, redeeming, 'https://x.example/refresh');
    expect(redeem.url).toBe('https://x.example/token');
    expect(redeem.body).toBe('grant_type=authorization_code&code=c&code_verifier=v');
  });
});

describe('Basic', () => {
  const sent = Buffer.from('my%2Bid:s%2Fe+c').toString('base64');
  const basic = (clientAuth: object) => {
    const headers = new Headers({ authorization: `Basic ${sent}` });
    const request = { url: 'https://x.example', headers, body: new URLSearchParams() };
    const written = providerClientAuth(templateWith({ clientAuth }), request);
    const value = written.headers.get('authorization') ?? '';
    return Buffer.from(value.slice(6), 'base64').toString();
  };

  test.each([
    ['form-encoded, as RFC 6749 §2.3.1 says', {}, 'my%2Bid:s%2Fe+c'],
    ['raw', { encoding: 'raw' }, 'my+id:s/e c'],
    ['the secret as user name', { encoding: 'raw', username: 'client_secret' }, 's/e c:'],
  ])('%s', (_name, clientAuth, expected) => {
    expect(basic(clientAuth)).toBe(expected);
  });
});
