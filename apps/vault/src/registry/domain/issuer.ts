import { z } from 'zod';
import { claimName, scopeToken, scopes, slug, webUrl, writeOnlySecret } from './names.js';

const mutableByUsers = ['email', 'upn', 'preferred_username'];

/** `issuers`: a corporate IdP whose tokens callers bring and where people sign in. */
export const issuer = z.strictObject({
  slug,
  issuer: webUrl,
  alsoIssuedAs: z.array(webUrl).max(10).default([]),
  /** Written by a move: earlier values of `issuer`, and until when their tokens count. */
  formerly: z
    .array(
      z.strictObject({
        issuer: webUrl,
        acceptUntil: z.iso.datetime(),
        jwksUri: webUrl.optional(),
      }),
    )
    .max(10)
    .default([]),
  jwksUri: webUrl.optional(),
  algorithms: z
    .array(
      z.enum([
        'RS256',
        'RS384',
        'RS512',
        'PS256',
        'PS384',
        'PS512',
        'ES256',
        'ES384',
        'ES512',
        'EdDSA',
      ]),
    )
    .min(1)
    .default(['RS256', 'PS256', 'ES256', 'EdDSA']),
  tokenTypes: z
    .array(z.string().min(1).max(60))
    .min(1)
    .default(['at+jwt', 'application/at+jwt', 'JWT']),
  audiences: z.array(z.string().min(1).max(500)).max(20).default([]),
  baseScopes: scopes.default([]),
  subjectClaim: claimName
    .refine((claim) => !mutableByUsers.includes(claim.split('/').at(-1) ?? ''), {
      message:
        'must be an identifier that never changes or passes to somebody else, such as sub or oid',
    })
    .default('sub'),
  clientClaim: claimName.optional(),
  /** Which scopes a broader one stands for; followed at any remove. */
  scopeHierarchy: z
    .record(scopeToken, scopes)
    .refine((hierarchy) => Object.keys(hierarchy).length <= 100, {
      message: 'must name at most 100 scopes',
    })
    .optional(),
  unknownApplications: z.enum(['ask', 'refuse']).default('ask'),
  login: z.strictObject({
    clientId: z.string().min(1).max(500),
    clientSecret: writeOnlySecret.optional(),
    scopes: scopes.default(['openid', 'profile']),
  }),
  admin: z
    .strictObject({
      audience: z.string().min(1),
      roles: z
        .array(
          z.strictObject({
            role: z.enum(['admin', 'auditor']),
            claim: claimName,
            includes: z.string(),
          }),
        )
        .min(1),
    })
    .optional(),
});
export type Issuer = z.output<typeof issuer>;
