import { api, regular, revocation, selfRevocation } from './quirk-answers-fixture.js';
import { base, type QuirkRow, refusedFor } from './quirk-trip-fixture.js';

/** Providers of files, meetings and posts. */
export const serviceRows: readonly QuirkRow[] = [
  {
    template: 'box',
    scopes: ['root_readwrite'],
    provider: {
      ...base,
      authorize: { at: 'account.box.com/api/oauth2/authorize' },
      token: { at: 'api.box.com/oauth2/token', auth: 'post', rotates: true, answers: regular },
      routes: {
        'GET api.box.com/2.0/users/me': api({ id: '11', login: 'alice@example.com' }),
        'POST api.box.com/oauth2/revoke': revocation(),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['root_readwrite'],
      metadata: {},
      account: '11 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['refresh'],
    },
    without: { account: 'undefined undefined' },
  },
  {
    template: 'dropbox',
    provider: {
      ...base,
      authorize: {
        at: 'www.dropbox.com/oauth2/authorize',
        wants: { token_access_type: 'offline' },
      },
      token: {
        at: 'api.dropboxapi.com/oauth2/token',
        auth: 'any',
        answers: (tokens) => ({
          ...regular(tokens),
          ...(tokens.isRefresh ? { refresh_token: undefined } : {}),
          account_id: 'dbid:1',
        }),
      },
      routes: {
        'POST api.dropboxapi.com/2/users/get_current_account': (request, server) =>
          server.isBearer(request) && request.contentType === 'application/json'
            ? { body: { account_id: 'dbid:1', email: 'alice@example.com' } }
            : undefined,
        'POST api.dropboxapi.com/2/auth/token/revoke': selfRevocation(null),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['account_info.read'],
      metadata: {},
      account: 'dbid:1 alice@example.com',
      refreshed: 'kept',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['access'],
    },
    without: { connected: refusedFor('token_access_type') },
  },
  {
    template: 'zoom',
    scopes: ['meeting:read:meeting', 'user:read:user'],
    provider: {
      ...base,
      authorize: {
        at: 'zoom.us/oauth/authorize',
        wants: { scope: 'meeting:read:meeting,user:read:user' },
        scope: 'meeting:read:meeting user:read:user',
      },
      token: { at: 'zoom.us/oauth/token', auth: 'basic-raw', rotates: true, answers: regular },
      routes: {
        'GET api.zoom.us/v2/users/me': api({ id: 'z-1', email: 'alice@example.com' }),
        'POST zoom.us/oauth/revoke': revocation(),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['meeting:read:meeting', 'user:read:user'],
      metadata: {},
      account: 'z-1 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['refresh'],
    },
    without: { connected: refusedFor('scope') },
  },
  {
    template: 'x',
    provider: {
      ...base,
      authorize: {
        at: 'x.com/i/oauth2/authorize',
        wants: { scope: 'offline.access tweet.read users.read', code_challenge_method: 'S256' },
      },
      token: { at: 'api.x.com/2/oauth2/token', auth: 'basic', rotates: true, answers: regular },
      routes: {
        'GET api.x.com/2/users/me': api({ data: { id: '1', username: 'alice' } }),
        'POST api.x.com/2/oauth2/revoke': revocation(),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['offline.access', 'tweet.read', 'users.read'],
      metadata: {},
      account: '1 alice',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['refresh'],
    },
    without: { account: 'undefined undefined' },
  },
  {
    template: 'figma',
    provider: {
      ...base,
      authorize: { at: 'www.figma.com/oauth' },
      token: {
        at: 'api.figma.com/v1/oauth/token',
        refreshAt: 'api.figma.com/v1/oauth/refresh',
        auth: 'basic',
        answers: ({ access, refresh, isRefresh }) => ({
          access_token: access,
          token_type: 'bearer',
          expires_in: 7_776_000,
          ...(isRefresh ? {} : { refresh_token: refresh }),
        }),
      },
      routes: { 'GET api.figma.com/v1/me': api({ id: '9', email: 'alice@example.com' }) },
    },
    trip: {
      connected: 'yes',
      lifetime: 7_776_000,
      scopes: ['current_user:read'],
      metadata: {},
      account: '9 alice@example.com',
      refreshed: 'kept',
      dead: 'invalid_grant',
      revoked: 'not-supported',
      ended: [],
    },
    without: { refreshed: 'misconfigured' },
  },
  {
    template: 'discord',
    provider: {
      ...base,
      authorize: { at: 'discord.com/oauth2/authorize', wants: { scope: 'identify' } },
      token: {
        at: 'discord.com/api/oauth2/token',
        auth: 'any',
        rotates: true,
        answers: (tokens) => ({ ...regular(tokens), expires_in: 604_800 }),
      },
      routes: {
        'GET discord.com/api/users/@me': api({ id: '8', username: 'alice' }),
        'POST discord.com/api/oauth2/token/revoke': revocation(),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 604_800,
      scopes: ['identify'],
      metadata: {},
      account: '8 alice',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['refresh'],
    },
    without: { account: 'undefined undefined' },
  },
];
