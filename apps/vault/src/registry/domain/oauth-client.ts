import { z } from 'zod';
import { displayName, scopes, slug, webUrl, writeOnlySecret } from './names.js';

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
      .enum(['client_secret_basic', 'client_secret_post', 'none'])
      .default('client_secret_basic'),
    scopes: scopes.default([]),
    authorizeParams: z.record(z.string(), z.string()).default({}),
    sharing: z.enum(['per-upstream', 'shared']).default('per-upstream'),
  })
  .refine((value) => (value.issuer === undefined) !== (value.endpoints === undefined), {
    path: ['issuer'],
    message: 'give exactly one of issuer (discovery) and endpoints',
  });
export type OAuthClient = z.output<typeof oauthClient>;
