import { z } from 'zod';

/** How an issuer's tokens are verified: the gateway's share of an `issuers` resource. */
export const issuerConfig = z.object({
  slug: z.string(),
  issuer: z.string(),
  alsoIssuedAs: z.array(z.string()),
  /** Names from before a move: counted until then (epoch seconds). */
  formerly: z
    .array(z.object({ issuer: z.string(), until: z.number(), jwksUri: z.string().optional() }))
    .optional(),
  jwksUri: z.string(),
  algorithms: z.array(z.string()),
  tokenTypes: z.array(z.string()),
  audiences: z.array(z.string()),
  baseScopes: z.array(z.string()),
  subjectClaim: z.string(),
  clientClaim: z.string().optional(),
  unknownApplications: z.enum(['ask', 'refuse']),
});
export type IssuerConfig = z.output<typeof issuerConfig>;

/** A client id (or a pattern with `*`) of an issuer that the admin knows or blocks. */
export const applicationConfig = z.object({
  issuer: z.string(),
  clientId: z.string().optional(),
  pattern: z.string().optional(),
  name: z.string(),
  trust: z.enum(['known', 'blocked']),
});
export type ApplicationConfig = z.output<typeof applicationConfig>;

/** What a token must carry to call the upstream at all; claims are names or RFC 6901 pointers. */
export const accessRule = z.object({
  scopes: z.array(z.string()).default([]),
  claims: z
    .record(
      z.string(),
      z.strictObject({ equals: z.unknown().optional(), includes: z.unknown().optional() }),
    )
    .default({}),
});
export type AccessRule = z.output<typeof accessRule>;

export const upstreamConfig = z.object({
  slug: z.string(),
  name: z.string(),
  type: z.enum(['mcp', 'http']),
  url: z.string(),
  access: accessRule,
  /** `scopes` is the scope set that the exchange will ask for; part of the borrowed token's key. */
  credential: z.discriminatedUnion('type', [
    z.object({ type: z.literal('oauth'), scopes: z.array(z.string()) }),
    z.object({ type: z.literal('none') }),
  ]),
  inject: z.object({ header: z.string(), scheme: z.string() }),
  /** True where `client_credentials` with this upstream's URL as `resource` yields a discovery token. */
  discovery: z.boolean(),
  timeoutMs: z.number(),
});
export type UpstreamConfig = z.output<typeof upstreamConfig>;

/** `GET /gateway/v1/config`: everything one gateway needs to decide and route. Holds no secret. */
export const configSnapshot = z.object({
  version: z.string(),
  issuers: z.array(issuerConfig),
  applications: z.array(applicationConfig),
  upstreams: z.array(upstreamConfig),
});
export type ConfigSnapshot = z.output<typeof configSnapshot>;
