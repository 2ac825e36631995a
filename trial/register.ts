import type { Addresses } from './supervisor/addresses.js';
import { gatewaySlug } from './supervisor/pieces.js';
import type { TrialSecrets } from './supervisor/trial-secrets.js';

interface Resource {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Who it is, and leave to come back; an upstream's own list takes the place of the oauth client's. */
const session = ['openid', 'profile', 'offline_access'];

/** Registers the trial's parts as an admin would: PUTs of the admin REST API, the same at every start. */
export async function register(at: Addresses, secrets: TrialSecrets): Promise<void> {
  for (const { path, body } of resources(at, secrets)) {
    const answer = await fetch(`${at.vault}/admin/v1/${path}`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${secrets.adminToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`The vault refused ${path} with ${answer.status}: ${text}`);
  }
}

function resources(at: Addresses, secrets: TrialSecrets): readonly Resource[] {
  return [...corporate(at, secrets), ...upstream(at, secrets), helpdesk(at), gateway(at, secrets)];
}

function corporate(at: Addresses, secrets: TrialSecrets): readonly Resource[] {
  return [
    {
      path: 'issuers/corporate',
      body: {
        slug: 'corporate',
        issuer: at.corporateIdp,
        baseScopes: ['openid', 'mcp:use'],
        login: {
          clientId: 'symbolon-vault',
          clientSecret: secrets.loginClientSecret,
          scopes: ['openid', 'profile', 'email'],
        },
        admin: {
          audience: `${at.vault}/admin`,
          roles: [{ role: 'admin', claim: 'groups', includes: 'platform-admins' }],
        },
      },
    },
    {
      path: 'applications/tour',
      body: {
        slug: 'tour',
        issuer: 'corporate',
        clientId: 'symbolon-tour',
        name: 'Symbolon tour',
        trust: 'known',
      },
    },
  ];
}

function upstream(at: Addresses, secrets: TrialSecrets): readonly Resource[] {
  return [
    {
      path: 'oauth-clients/upstream-idp',
      body: {
        slug: 'upstream-idp',
        name: 'Upstream IdP',
        issuer: at.upstreamIdp,
        registration: 'static',
        clientId: 'symbolon',
        clientSecret: secrets.upstreamClientSecret,
        clientAuth: 'client_secret_basic',
        scopes: session,
        // Without it the provider drops offline_access, as OpenID Connect Core §11 asks.
        authorizeParams: { prompt: 'consent' },
        sharing: 'per-upstream',
      },
    },
    {
      path: 'upstreams/snowdemo',
      body: { slug: 'snowdemo', name: 'Demo warehouse', ...warehouse(at) },
    },
    {
      path: 'upstreams/snowdemo-signin',
      body: {
        slug: 'snowdemo-signin',
        name: 'Demo warehouse (sign-in)',
        ...warehouse(at),
        consentAtSignIn: true,
      },
    },
    {
      path: 'upstreams/reports',
      body: {
        slug: 'reports',
        name: 'Demo reports',
        type: 'http',
        url: at.reports,
        credential: {
          type: 'oauth',
          oauthClient: 'upstream-idp',
          scopes: [...session, 'reports:read'],
          resource: at.reports,
        },
      },
    },
  ];
}

function warehouse(at: Addresses): Resource['body'] {
  return {
    type: 'mcp',
    url: at.snowdemo,
    credential: {
      type: 'oauth',
      oauthClient: 'upstream-idp',
      scopes: [...session, 'warehouse:read', 'query:run'],
      resource: at.snowdemo,
    },
  };
}

/** A service without OAuth, whose tools are each under a rule of another kind. */
function helpdesk(at: Addresses): Resource {
  return {
    path: 'upstreams/helpdesk',
    body: {
      slug: 'helpdesk',
      name: 'Demo helpdesk',
      type: 'mcp',
      url: `${at.helpdesk}/mcp`,
      credential: {
        type: 'user-token',
        instructions: `Open ${at.helpdesk}/tokens and copy your token.`,
        pattern: 'hd_[a-z]+_[0-9a-f]{32}',
        check: { url: `${at.helpdesk}/me` },
      },
      discoveryCredential: { type: 'none' },
      publicCredential: { type: 'none' },
      tools: {
        status: { public: true },
        list_tickets: {},
        close_ticket: { scopes: ['helpdesk:write'] },
        assign_ticket: { claims: { groups: { includes: 'platform-admins' } } },
        purge_tickets: { hidden: true },
      },
    },
  };
}

function gateway(at: Addresses, secrets: TrialSecrets): Resource {
  return {
    path: `machine-clients/${gatewaySlug}`,
    body: {
      slug: gatewaySlug,
      kind: 'gateway',
      publicUrl: at.gateway,
      jwks: { keys: [secrets.gatewayPublicKey] },
      upstreams: '*',
    },
  };
}
