import { z } from 'zod';
import { displayName, scopes, slug, webUrl, writeOnlySecret } from './names.js';

// RFC 6749, 7636, 8707, OIDC Core, RFC 9101 and 9126: parameters that the vault itself decides.
const protocolParameters = new Set([
  'response_type',
  'response_mode',
  'client_id',
  'client_secret',
  'redirect_uri',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'resource',
  'request',
  'request_uri',
]);

const endpoints = z.strictObject({
  authorization: webUrl,
  token: webUrl,
  /** Where refreshing has an address of its own. */
  refresh: webUrl.optional(),
  revocation: webUrl.optional(),
  introspection: webUrl.optional(),
  userinfo: webUrl.optional(),
  /** RFC 7591, for `registration: dynamic`. */
  registration: webUrl.optional(),
});

const longest = 10 * 365 * 86_400;
const seconds = z.int().min(1).max(longest).optional();

/** What this authorization server is known to do with refresh tokens; times in seconds. */
export const refreshRules = z.strictObject({
  /** A refresh token that is not used for so long ends. */
  idleSeconds: seconds,
  /** A refresh token ends so long after the person's consent, however often it was used. */
  absoluteSeconds: seconds,
  /** A refresh sooner than so long after the token was issued is refused. */
  earliestSeconds: seconds,
  /** The access token is refreshed so long before its end, or sooner. */
  marginSeconds: seconds,
  /** A refresh token that was replaced is still good for so long; 0: not at all. */
  graceSeconds: z.int().min(0).max(longest).optional(),
  /** Whether a refresh replaces the refresh token; taken for granted where nobody knows. */
  rotation: z.enum(['always', 'never', 'optional']).optional(),
});
export type RefreshRules = z.output<typeof refreshRules>;

/** `oauth-clients`: our own registration at an upstream authorization server, with what its template gives. */
export const oauthClient = z
  .strictObject({
    slug,
    name: displayName,
    /** Of GET /admin/v1/templates: gives what is left out here. */
    template: z.string().min(1).max(60).optional(),
    variables: z.record(z.string().max(60), z.string().max(500)).optional(),
    issuer: webUrl.optional(),
    endpoints: endpoints.optional(),
    /** The URL of an MCP server whose metadata (RFC 9728) names the authorization server; the choice is kept in `issuer`. */
    discoverFrom: webUrl.optional(),
    /** Revision by which an MCP server without metadata has its authorization server at its own origin. */
    discoverFallback: z.literal('2025-03-26').optional(),
    /** RFC 8707: asked for where an upstream names no resource of its own. */
    resource: webUrl.optional(),
    registration: z.enum(['static', 'dynamic', 'metadata-document']).default('static'),
    clientId: z.string().min(1).max(500).optional(),
    clientSecret: writeOnlySecret.optional(),
    clientAuth: z
      .enum(['auto', 'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
      .default('client_secret_basic'),
    clientAuthSigningAlg: z.enum(['ES256', 'RS256', 'PS256']).default('ES256'),
    pushedAuthorization: z.enum(['auto', 'always', 'never']).default('auto'),
    /** RFC 9449: tokens are bound to a key of ours where the server offers it, always, or never. */
    dpop: z.enum(['auto', 'always', 'never']).default('auto'),
    scopes: scopes.default([]),
    /** What a call may grow by: asked for only when an upstream or a service names it. Nothing else ever is. */
    optionalScopes: scopes.default([]),
    /** Whether tokens for less than the whole grant are asked for with `scope` at a refresh (RFC 6749 §6). */
    narrowing: z.boolean().default(true),
    authorizeParams: z
      .record(
        z.string().refine((name) => !protocolParameters.has(name.toLowerCase()), {
          message: 'is decided by the vault and cannot be set here',
        }),
        z.string().max(1000),
      )
      .default({}),
    sharing: z.enum(['per-upstream', 'shared']).default('per-upstream'),
    /** Requests in flight over all replicas; 10 where nothing is said. */
    maxConcurrentRequests: z.int().min(1).max(100).optional(),
    refresh: refreshRules.optional(),
  })
  .superRefine((value, context) => {
    for (const [path, message] of contradictions(value))
      context.addIssue({ code: 'custom', path: [path], message });
  });
export type OAuthClient = z.output<typeof oauthClient>;

interface Choices {
  readonly issuer?: string;
  readonly endpoints?: object;
  readonly discoverFrom?: string;
  readonly discoverFallback?: string;
  readonly registration?: string;
  readonly clientId?: string;
  readonly clientAuth?: string;
}

/** Members that cannot stand together, with what to do. */
export function* contradictions(value: Choices): Generator<[keyof Choices, string]> {
  const { issuer, endpoints, discoverFrom, registration = 'static', clientAuth } = value;
  const found = discoverFrom !== undefined;
  if (issuer !== undefined ? endpoints !== undefined : endpoints === undefined && !found)
    yield ['issuer', 'give exactly one of issuer (discovery) and endpoints, or discoverFrom'];
  if (value.discoverFallback !== undefined && !found)
    yield ['discoverFallback', 'needs discoverFrom'];
  if (registration !== 'static' && value.clientId !== undefined)
    yield ['clientId', `comes of itself with registration ${registration}: leave it out`];
  // A document that everybody can read holds no secret.
  if (registration === 'metadata-document' && clientAuth?.startsWith('client_secret') === true)
    yield ['clientAuth', 'is private_key_jwt or none with registration metadata-document'];
}
