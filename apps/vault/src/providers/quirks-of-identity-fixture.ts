import { api, regular, revocation, withIdToken } from './quirk-answers-fixture.js';
import { base, type QuirkRow, refusedFor } from './quirk-trip-fixture.js';

const claims = { sub: 'pairwise-1', preferred_username: 'alice@example.com' };
const tenant = '5e1f7ad4-2b52-4c6a-9a1e-0d3f5a8c7b21';

/** Providers that sign ID tokens and describe themselves. */
export const identityRows: readonly QuirkRow[] = [
  {
    template: 'oidc',
    variables: { issuer: 'https://login.example.com/realms/main' },
    provider: {
      ...base,
      issuer: 'https://login.example.com/realms/main',
      claims,
      authorize: { at: 'login.example.com/auth', wants: { scope: 'offline_access openid' } },
      token: { at: 'login.example.com/token', auth: 'basic', rotates: true, answers: withIdToken },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['offline_access', 'openid'],
      metadata: {},
      account: 'pairwise-1 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'not-supported',
      ended: [],
    },
  },
  {
    template: 'mcp',
    // As saving it writes: the choice among the servers that the MCP server's metadata names.
    own: { discoverFrom: 'https://mcp.example/mcp', issuer: 'https://auth.mcp.example' },
    scopes: ['tools'],
    provider: {
      ...base,
      issuer: 'https://auth.mcp.example',
      authorize: { at: 'auth.mcp.example/authorize', wants: { scope: 'tools' } },
      token: { at: 'auth.mcp.example/token', auth: 'basic', rotates: true, answers: regular },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['tools'],
      metadata: {},
      account: 'undefined undefined',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'not-supported',
      ended: [],
    },
  },
  {
    template: 'entra',
    variables: { tenant },
    provider: {
      ...base,
      issuer: `https://login.microsoftonline.com/${tenant}/v2.0`,
      claims: { ...claims, oid: 'object-1' },
      authorize: { at: `login.microsoftonline.com/${tenant}/oauth2/v2.0/authorize` },
      token: {
        at: `login.microsoftonline.com/${tenant}/oauth2/v2.0/token`,
        auth: 'any',
        rotates: true,
        answers: withIdToken,
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['offline_access', 'openid', 'profile'],
      metadata: {},
      account: 'object-1 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'not-supported',
      ended: [],
    },
    without: { account: 'pairwise-1 alice@example.com' },
  },
  {
    template: 'google',
    provider: {
      ...base,
      issuer: 'https://accounts.google.com',
      claims: { sub: '1234', email: 'alice@gmail.example' },
      authorize: {
        at: 'accounts.google.com/o/oauth2/v2/auth',
        // Without them it shows the page, but the answer would have no refresh token.
        wants: { access_type: 'offline', prompt: 'consent' },
      },
      token: {
        at: 'oauth2.googleapis.com/token',
        auth: 'any',
        answers: (tokens) => ({
          ...withIdToken(tokens),
          ...(tokens.isRefresh ? { refresh_token: undefined } : {}),
        }),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['email', 'openid'],
      metadata: {},
      account: '1234 alice@gmail.example',
      refreshed: 'kept',
      dead: 'invalid_grant',
      revoked: 'not-supported',
      ended: [],
    },
    without: { connected: refusedFor('access_type prompt') },
  },
  {
    template: 'okta',
    variables: { domain: 'example.okta.com', server: 'aus1abcd' },
    provider: {
      ...base,
      issuer: 'https://example.okta.com/oauth2/aus1abcd',
      claims,
      authorize: { at: 'example.okta.com/oauth2/aus1abcd/v1/authorize' },
      token: {
        at: 'example.okta.com/oauth2/aus1abcd/v1/token',
        auth: 'basic',
        rotates: true,
        answers: withIdToken,
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['offline_access', 'openid', 'profile'],
      metadata: {},
      account: 'pairwise-1 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'not-supported',
      ended: [],
    },
  },
  {
    template: 'xero',
    provider: {
      ...base,
      issuer: 'https://identity.xero.com',
      claims: { sub: 's', xero_userid: 'user-1', email: 'alice@example.com' },
      authorize: { at: 'login.xero.com/identity/connect/authorize' },
      token: {
        at: 'identity.xero.com/connect/token',
        auth: 'basic',
        rotates: true,
        answers: withIdToken,
      },
      routes: {
        'GET api.xero.com/connections': api([{ tenantId: 'org-1', tenantName: 'Example Ltd' }]),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['email', 'offline_access', 'openid', 'profile'],
      metadata: { tenantId: 'org-1', tenantName: 'Example Ltd' },
      account: 'user-1 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'not-supported',
      ended: [],
    },
    without: { metadata: {}, account: 's alice@example.com' },
  },
  {
    template: 'gitlab',
    provider: {
      ...base,
      authorize: { at: 'gitlab.com/oauth/authorize', wants: { scope: 'read_user' } },
      token: { at: 'gitlab.com/oauth/token', auth: 'post', rotates: true, answers: regular },
      routes: {
        'GET gitlab.com/api/v4/user': api({ id: 7, username: 'alice' }),
        'POST gitlab.com/oauth/revoke': revocation(),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['read_user'],
      metadata: {},
      account: '7 alice',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['refresh'],
    },
    without: { account: 'undefined undefined' },
  },
];
