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
  revocation: webUrl.optional(),
  userinfo: webUrl.optional(),
});

/** `oauth-clients`: our own registration at an upstream authorization server. */
export const oauthClient = z
  .strictObject({
    slug,
    name: displayName,
    issuer: webUrl.optional(),
    endpoints: endpoints.optional(),
    registration: z.enum(['static']).default('static'),
    clientId: z.string().min(1).max(500).optional(),
    clientSecret: writeOnlySecret.optional(),
    clientAuth: z
      .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
      .default('client_secret_basic'),
    scopes: scopes.default([]),
    authorizeParams: z
      .record(
        z.string().refine((name) => !protocolParameters.has(name.toLowerCase()), {
          message: 'is decided by the vault and cannot be set here',
        }),
        z.string().max(1000),
      )
      .default({}),
    sharing: z.enum(['per-upstream', 'shared']).default('per-upstream'),
  })
  .refine((value) => (value.issuer === undefined) !== (value.endpoints === undefined), {
    path: ['issuer'],
    message: 'give exactly one of issuer (discovery) and endpoints',
  });
export type OAuthClient = z.output<typeof oauthClient>;
    clientAuthSigningAlg: z.enum(['ES256', 'RS256', 'PS256']).default('ES256'),
    pushedAuthorization: z.enum(['auto', 'always', 'never']).default('auto'),
