import { api, regular, revocation, selfRevocation } from './quirk-answers-fixture.js';
import { base, clientId, type QuirkRow, refusedFor } from './quirk-trip-fixture.js';

const in200 = (error: string) => ({ status: 200, body: { error, error_description: 'x' } });
const ofGitHub = (error: string) =>
  in200(error === 'invalid_grant' ? 'bad_refresh_token' : 'incorrect_client_credentials');
const gitHubUser = api({ id: 42, login: 'alice' });
const gitHubToken = `DELETE api.github.com/applications/${clientId}/token`;

/** Providers for working together on text and code. */
export const collaborationRows: readonly QuirkRow[] = [
  {
    template: 'github',
    scopes: ['read:org', 'repo'],
    provider: {
      ...base,
      authorize: { at: 'github.com/login/oauth/authorize', wants: { scope: 'read:org repo' } },
      token: {
        at: 'github.com/login/oauth/access_token',
        auth: 'post',
        headers: { accept: 'application/json' },
        answers: ({ access }) => ({
          access_token: access,
          token_type: 'bearer',
          scope: 'read:org,repo',
        }),
        refuses: ofGitHub,
      },
      routes: {
        'GET api.github.com/user': gitHubUser,
        [gitHubToken]: (request, server) =>
          server.authenticates(request, 'basic') && server.ends(request.members['access_token'])
            ? { status: 204, body: {} }
            : undefined,
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 0,
      scopes: ['read:org', 'repo'],
      metadata: {},
      account: '42 alice',
      refreshed: 'none',
      revoked: 'revoked',
      ended: ['access'],
    },
    without: {
      scopes: ['read:org,repo'],
      account: 'undefined undefined',
      revoked: 'not-supported',
    },
  },
  {
    template: 'github-app',
    scopes: ['ignored'],
    provider: {
      ...base,
      authorize: { at: 'github.com/login/oauth/authorize', wants: { scope: null } },
      token: {
        at: 'github.com/login/oauth/access_token',
        auth: 'post',
        rotates: true,
        answers: ({ access, refresh }) => ({
          access_token: access,
          expires_in: 28_800,
          refresh_token: refresh,
          refresh_token_expires_in: 15_897_600,
          scope: '',
          token_type: 'bearer',
        }),
        refuses: ofGitHub,
      },
      routes: {
        'GET api.github.com/user': gitHubUser,
        [gitHubToken]: (request, server) =>
          server.authenticates(request, 'basic') && server.isAccess(request.members['access_token'])
            ? server.ends(request.members['access_token']) && { status: 204, body: {} }
            : undefined,
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 28_800,
      scopes: ['ignored'],
      metadata: {},
      account: '42 alice',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['access'],
    },
    without: { connected: refusedFor('scope') },
  },
  {
    template: 'slack',
    scopes: ['bot:chat:write', 'search:read', 'users:read'],
    provider: {
      ...base,
      authorize: {
        at: 'slack.com/oauth/v2/authorize',
        wants: { user_scope: 'search:read,users:read', scope: 'chat:write' },
        scope: 'search:read,users:read',
      },
      token: {
        at: 'slack.com/api/oauth.v2.access',
        auth: 'post',
        rotates: true,
        answers: ({ access, refresh, scope, isRefresh }) => {
          const mine = { access_token: access, refresh_token: refresh, expires_in: 43_200 };
          const user = { ...mine, scope, token_type: 'user' };
          const team = { id: 'T1', name: 'Example' };
          const bot = { access_token: 'xoxb-bot', token_type: 'bot', scope: 'chat:write' };
          return isRefresh
            ? { ok: true, ...user, team }
            : { ok: true, ...bot, team, authed_user: { id: 'U1', ...user } };
        },
        refuses: (error) => ({
          status: 200,
          body: { ok: false, error: error === 'invalid_grant' ? 'invalid_refresh_token' : error },
        }),
      },
      routes: { 'POST slack.com/api/auth.revoke': selfRevocation({ ok: true, revoked: true }) },
    },
    trip: {
      connected: 'yes',
      lifetime: 43_200,
      scopes: ['search:read', 'users:read'],
      metadata: { teamId: 'T1', teamName: 'Example' },
      account: 'U1 U1',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['access'],
    },
    without: { connected: refusedFor('user_scope scope') },
  },
  {
    template: 'atlassian',
    provider: {
      ...base,
      authorize: {
        at: 'auth.atlassian.com/authorize',
        wants: { audience: 'api.atlassian.com', prompt: 'consent' },
      },
      token: {
        at: 'auth.atlassian.com/oauth/token',
        auth: 'post',
        format: 'json',
        rotates: true,
        answers: regular,
        refuses: (error) =>
          error === 'invalid_grant'
            ? {
                status: 403,
                body: {
                  error: 'unauthorized_client',
                  error_description: 'refresh_token is invalid',
                },
              }
            : { status: 401, body: { error } },
      },
      routes: {
        'GET api.atlassian.com/me': api({ account_id: 'acc-1', email: 'alice@example.com' }),
        'GET api.atlassian.com/oauth/token/accessible-resources': api([
          { id: 'cloud-1', url: 'https://example.atlassian.net' },
        ]),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['offline_access', 'read:me'],
      metadata: { cloudId: 'cloud-1', siteUrl: 'https://example.atlassian.net' },
      account: 'acc-1 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'not-supported',
      ended: [],
    },
    without: { connected: refusedFor('audience prompt') },
  },
  {
    template: 'notion',
    provider: {
      ...base,
      authorize: {
        at: 'api.notion.com/v1/oauth/authorize',
        wants: { owner: 'user', scope: null },
        pkce: 'refused',
      },
      token: {
        at: 'api.notion.com/v1/oauth/token',
        auth: 'basic-raw',
        format: 'json',
        headers: { 'notion-version': '2025-09-03' },
        only: ['grant_type', 'code', 'redirect_uri', 'refresh_token'],
        rotates: true,
        answers: ({ access, refresh }) => ({
          access_token: access,
          refresh_token: refresh,
          token_type: 'bearer',
          bot_id: 'bot-1',
          workspace_id: 'w-1',
          workspace_name: 'Example',
          owner: { type: 'user', user: { id: 'u-1', person: { email: 'alice@example.com' } } },
        }),
        refuses: (code) => ({ status: 400, body: { object: 'error', code, message: 'x' } }),
      },
      routes: { 'POST api.notion.com/v1/oauth/revoke': revocation('json', 'token', 'access') },
    },
    trip: {
      connected: 'yes',
      lifetime: 0,
      scopes: [],
      metadata: { workspaceId: 'w-1', botId: 'bot-1' },
      account: 'u-1 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['access'],
    },
    without: { connected: refusedFor('owner pkce') },
  },
  {
    template: 'linear',
    scopes: ['issues:create', 'read'],
    provider: {
      ...base,
      authorize: {
        at: 'linear.app/oauth/authorize',
        wants: { scope: 'issues:create,read', prompt: 'consent' },
        scope: 'issues:create read',
      },
      token: { at: 'api.linear.app/oauth/token', auth: 'post', rotates: true, answers: regular },
      routes: {
        'POST api.linear.app/graphql': (request, server) =>
          server.isBearer(request) && String(request.members['query']).includes('viewer')
            ? { body: { data: { viewer: { id: 'u-1', email: 'alice@example.com' } } } }
            : undefined,
        'POST api.linear.app/oauth/revoke': revocation(),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['issues:create', 'read'],
      metadata: {},
      account: 'u-1 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['refresh'],
    },
    without: { connected: refusedFor('scope prompt') },
  },
  {
    template: 'asana',
    scopes: ['users:read'],
    provider: {
      ...base,
      authorize: { at: 'app.asana.com/-/oauth_authorize' },
      token: {
        at: 'app.asana.com/-/oauth_token',
        auth: 'post',
        answers: (tokens) => ({
          ...regular(tokens),
          ...(tokens.isRefresh ? { refresh_token: undefined } : {}),
          data: { id: 9, gid: '9', name: 'Alice', email: 'alice@example.com' },
        }),
      },
      routes: {
        'POST app.asana.com/-/oauth_revoke': revocation('form', 'token', 'refresh'),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['users:read'],
      metadata: {},
      account: '9 alice@example.com',
      refreshed: 'kept',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['refresh'],
    },
    without: { account: 'undefined undefined', revoked: 'not-supported' },
  },
];
