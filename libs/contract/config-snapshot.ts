import { z } from 'zod';
import { claimConditions } from './claim-conditions.js';
import { egressConfig, upstreamLimits } from './egress-rules.js';
import { toolChanges, toolPolicy } from './tool-policy.js';

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
  /** Which scopes a broader one stands for, itself aside; the verifier applies it. */
  scopeHierarchy: z.record(z.string(), z.array(z.string())).optional(),
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
  claims: claimConditions,
});
export type AccessRule = z.output<typeof accessRule>;

/** Whose credential it is: these the person's own, got by their consent or from their token; the others the service's. */
const credentialTypes = [
  'oauth',
  'user-token',
  'external',
  'token-exchange',
  'client-credentials',
  'static',
] as const;

export const upstreamConfig = z.object({
  slug: z.string(),
  name: z.string(),
  type: z.enum(['mcp', 'http']),
  url: z.string(),
  access: accessRule,
  /** `scopes` is the scope set that the exchange will ask for; part of the borrowed token's key. */
  credential: z.discriminatedUnion('type', [
    z.object({ type: z.enum(credentialTypes), scopes: z.array(z.string()) }),
    z.object({ type: z.literal('none') }),
  ]),
  /** `query`: the parameter that carries the credential, where a provider knows nothing else. */
  inject: z.object({ header: z.string(), scheme: z.string(), query: z.string().optional() }),
  /** Before the names of this upstream's tools and prompts where several are joined. */
  prefix: z.string().optional(),
  tools: toolPolicy.optional(),
  toolChanges: toolChanges.optional(),
  /** Tools that changed and wait for an administrator: neither listed nor callable. */
  heldTools: z.array(z.string()).optional(),
  /** Names what the vault knows of its tools; under another name everything is learnt anew. */
  toolInventory: z.string().optional(),
  /** Where a caller may bring an upstream token of their own, lower case. */
  callerHeader: z.string().optional(),
  /** True where a credential for public tools is registered. */
  public: z.boolean().optional(),
  egress: egressConfig.optional(),
  limits: upstreamLimits.optional(),
  /** True where people consent as they sign in, before the first call. */
  consentAtSignIn: z.boolean().optional(),
  /** True where a credential for lists is registered. */
  discovery: z.boolean(),
  /** Of `discovery` and `public`: what is called without any credential. */
  open: z.array(z.enum(['discovery', 'public'])).optional(),
  timeoutMs: z.number(),
});
export type UpstreamConfig = z.output<typeof upstreamConfig>;

/** `GET /gateway/v1/config`: everything one gateway needs to decide and route. Holds no secret. */
export const configSnapshot = z.object({
  version: z.string(),
  issuers: z.array(issuerConfig),
  applications: z.array(applicationConfig),
  upstreams: z.array(upstreamConfig),
  /** The vault as an authorization server, where an upstream here has people consent as they sign in. */
  signIn: z.object({ issuer: z.string() }).optional(),
});
export type ConfigSnapshot = z.output<typeof configSnapshot>;
