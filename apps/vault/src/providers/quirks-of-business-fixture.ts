import { api, regular, revocation, selfRevocation } from './quirk-answers-fixture.js';
import { base, type QuirkRow, refusedFor } from './quirk-trip-fixture.js';

const snowflake = 'myorg-account1.snowflakecomputing.com/oauth';
const shop = 'example-shop.myshopify.com';
const zendesk = 'example.zendesk.com';
const salesforce = 'example.my.salesforce.com/services/oauth2';

/** Providers of data and business records. */
export const businessRows: readonly QuirkRow[] = [
  {
    template: 'snowflake',
    variables: { account: 'myorg-account1', role: 'role:ANALYST' },
    provider: {
      ...base,
      authorize: {
        at: `${snowflake}/authorize`,
        wants: { scope: 'refresh_token session:role:ANALYST' },
      },
      token: {
        at: `${snowflake}/token-request`,
        auth: 'basic-raw',
        answers: (tokens) => ({
          ...regular(tokens),
          username: 'ALICE',
          ...(tokens.isRefresh ? { refresh_token: undefined } : {}),
        }),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['refresh_token', 'session:role:ANALYST'],
      metadata: {},
      account: 'ALICE ALICE',
      refreshed: 'kept',
      dead: 'invalid_grant',
      revoked: 'not-supported',
      ended: [],
    },
    without: { connected: 'misconfigured' },
  },
  {
    template: 'salesforce',
    variables: { host: 'example.my.salesforce.com' },
    provider: {
      ...base,
      authorize: { at: `${salesforce}/authorize`, wants: { scope: 'api id refresh_token' } },
      token: {
        at: `${salesforce}/token`,
        auth: 'post',
        answers: ({ access, refresh, scope, isRefresh }) => ({
          access_token: access,
          ...(isRefresh ? {} : { refresh_token: refresh }),
          token_type: 'Bearer',
          scope,
          instance_url: 'https://example.my.salesforce.com',
          id: 'https://login.salesforce.com/id/00D/005',
        }),
      },
      routes: {
        [`POST ${salesforce}/introspect`]: (request, server) =>
          server.authenticates(request, 'post') && server.isAccess(request.members['token'])
            ? { body: { active: true, exp: Math.floor(Date.now() / 1000) + 7200 } }
            : undefined,
        [`GET ${salesforce}/userinfo`]: api({
          sub: '005',
          preferred_username: 'alice@example.com',
        }),
        [`POST ${salesforce}/revoke`]: revocation(),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 7200,
      scopes: ['api', 'id', 'refresh_token'],
      metadata: { instanceUrl: 'https://example.my.salesforce.com' },
      account: '005 alice@example.com',
      refreshed: 'kept',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['refresh'],
    },
    without: { lifetime: 0, metadata: {} },
  },
  {
    template: 'hubspot',
    provider: {
      ...base,
      authorize: { at: 'app.hubspot.com/oauth/authorize' },
      token: {
        at: 'api.hubapi.com/oauth/v1/token',
        auth: 'post',
        answers: ({ access, refresh }) => ({
          access_token: access,
          refresh_token: refresh,
          token_type: 'bearer',
          expires_in: 1800,
        }),
        refuses: (error) => ({
          status: 400,
          body: { status: error === 'invalid_grant' ? 'BAD_REFRESH_TOKEN' : 'BAD_CLIENT_ID' },
        }),
      },
      routes: tokenInAddress('api.hubapi.com/oauth/v1'),
    },
    trip: {
      connected: 'yes',
      lifetime: 1800,
      scopes: ['oauth'],
      metadata: { portalId: '62515', portalDomain: 'example.com' },
      account: '123 alice@example.com',
      refreshed: 'kept',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['refresh'],
    },
    without: { metadata: {}, dead: 'transient', revoked: 'not-supported' },
  },
  {
    template: 'quickbooks',
    provider: {
      ...base,
      authorize: {
        at: 'appcenter.intuit.com/connect/oauth2',
        brings: { realmId: '9130350' },
      },
      token: {
        at: 'oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
        auth: 'basic',
        rotates: true,
        answers: (tokens) => ({ ...regular(tokens), x_refresh_token_expires_in: 8_726_400 }),
      },
      routes: {
        'GET accounts.platform.intuit.com/v1/openid_connect/userinfo': api({
          sub: 'u-1',
          email: 'alice@example.com',
        }),
        'POST developer.api.intuit.com/v2/oauth2/tokens/revoke': revocation('json'),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['com.intuit.quickbooks.accounting', 'email', 'openid'],
      metadata: { realmId: '9130350' },
      account: 'u-1 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['refresh'],
    },
    without: { metadata: {}, revoked: 'not-supported' },
  },
  {
    template: 'shopify',
    variables: { shop: 'example-shop' },
    scopes: ['read_orders', 'read_products'],
    provider: {
      ...base,
      authorize: {
        at: `${shop}/admin/oauth/authorize`,
        wants: { scope: 'read_orders,read_products', 'grant_options[]': 'per-user' },
        brings: { shop, hmac: 'x', timestamp: '1' },
      },
      token: {
        at: `${shop}/admin/oauth/access_token`,
        auth: 'post',
        answers: ({ access, scope }) => ({
          access_token: access,
          scope,
          expires_in: 86_399,
          associated_user_scope: 'read_orders',
          associated_user: { id: 902_541_635, email: 'alice@example.com' },
        }),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 86_400,
      scopes: ['read_orders'],
      metadata: { shop },
      account: '902541635 alice@example.com',
      refreshed: 'none',
      revoked: 'not-supported',
      ended: [],
    },
    without: { connected: refusedFor('scope grant_options[]') },
  },
  {
    template: 'zendesk',
    variables: { subdomain: 'example' },
    provider: {
      ...base,
      authorize: { at: `${zendesk}/oauth/authorizations/new`, wants: { scope: 'read' } },
      token: {
        at: `${zendesk}/oauth/tokens`,
        auth: 'post',
        format: 'json',
        wants: { expires_in: 86_400 },
        rotates: true,
        answers: (tokens) => ({ ...regular(tokens), expires_in: 86_400 }),
      },
      routes: {
        [`GET ${zendesk}/api/v2/users/me.json`]: api({
          user: { id: 5, email: 'alice@example.com' },
        }),
        [`DELETE ${zendesk}/api/v2/oauth/tokens/current.json`]: selfRevocation(),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 86_400,
      scopes: ['read'],
      metadata: {},
      account: '5 alice@example.com',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'revoked',
      ended: ['access'],
    },
    without: { connected: 'misconfigured' },
  },
  {
    template: 'stripe',
    provider: {
      ...base,
      authorize: {
        at: 'marketplace.stripe.com/oauth/v2/authorize',
        wants: { scope: null },
        pkce: 'refused',
      },
      token: {
        at: 'api.stripe.com/v1/oauth/token',
        auth: 'secret-as-user',
        only: ['grant_type', 'code', 'refresh_token'],
        rotates: true,
        answers: ({ access, refresh }) => ({
          access_token: access,
          refresh_token: refresh,
          token_type: 'bearer',
          expires_in: 3600,
          scope: 'stripe_apps',
          stripe_user_id: 'acct_1',
        }),
      },
    },
    trip: {
      connected: 'yes',
      lifetime: 3600,
      scopes: ['stripe_apps'],
      metadata: { accountId: 'acct_1' },
      account: 'acct_1 acct_1',
      refreshed: 'rotated',
      dead: 'invalid_grant',
      revoked: 'not-supported',
      ended: [],
    },
    without: { connected: refusedFor('pkce') },
  },
];

/** Addresses with a token in them: any that begins so is answered by one of these. */
function tokenInAddress(at: string): NonNullable<QuirkRow['provider']['routes']> {
  return {
    [`GET ${at}/access-tokens/*`]: ({ at: asked }, server) =>
      server.isAccess(asked.split('/').at(-1))
        ? {
            body: {
              user: 'alice@example.com',
              user_id: 123,
              hub_id: 62_515,
              hub_domain: 'example.com',
            },
          }
        : undefined,
    [`DELETE ${at}/refresh-tokens/*`]: ({ at: asked, headers }, server) =>
      headers['authorization'] === undefined && server.ends(asked.split('/').at(-1)) === 'refresh'
        ? { status: 204, body: {} }
        : undefined,
  };
}
