import { z } from 'zod';

export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
export const jwtTokenType = 'urn:ietf:params:oauth:token-type:jwt';
export const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** A private key for ES256 (RFC 7518 §6.2.2) in JSON. */
export const proofKey = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
});

/** RFC 8693 §2.2.1, with the grant it came from so that caches can be told of its end. */
export const tokenAnswer = z.object({
  access_token: z.string(),
  issued_token_type: z.string(),
  token_type: z.string(),
  expires_in: z.number(),
  scope: z.string().optional(),
  grant_id: z.string().optional(),
  grant_version: z.number().optional(),
  /** Where `token_type` is `DPoP`: the key to prove (RFC 9449 §7). Required: never sent as a bearer token. */
  dpop: z.object({ jwk: proofKey, required: z.boolean() }).optional(),
  /** What the API wants beside the token, by header name. */
  headers: z.record(z.string(), z.string()).optional(),
});
export type TokenAnswer = z.output<typeof tokenAnswer>;

/** 400 `interaction_required`: a person must open `interaction_uri`, once. Times in seconds. */
export const interactionRequired = z.object({
  error: z.literal('interaction_required'),
  error_description: z.string(),
  interaction_id: z.string().optional(),
  interaction_uri: z.string().optional(),
  message: z.string(),
  expires_in: z.number().optional(),
  interval: z.number().optional(),
});
export type InteractionRequired = z.output<typeof interactionRequired>;

/** RFC 6749 §5.2. */
export const oauthError = z.object({ error: z.string(), error_description: z.string().optional() });

/** `GET /interactions/{id}`. */
export const interactionState = z.object({
  interaction_id: z.string(),
  status: z.enum(['pending', 'completed', 'declined', 'expired']),
  expires_in: z.number(),
});
export type InteractionState = z.output<typeof interactionState>;

/** What the gateway asks of the exchange for one caller and one upstream. */
export interface ExchangeRequest {
  readonly subjectToken: string;
  /** Slug of the upstream. */
  readonly audience: string;
  readonly scopes?: readonly string[];
  /** `none`: answer whether a token exists, mint no link. */
  readonly interaction: 'create' | 'none';
  /** Continue this interaction; mint nothing. */
  readonly interactionId?: string;
  /** SHA-256 (base64url) of a token that the upstream refused. */
  readonly rejectedTokenSha256?: string;
  /** MCP `clientInfo.name`: self-asserted, ≤64 characters, shown as such. */
  readonly clientInfoName?: string;
  /** Headers of W3C Trace Context, names and values in turn. */
  readonly trace?: readonly string[] | undefined;
}

/**
 * What a credential that is nobody's own is for: calls of an upstream whose credential is the service's, its lists
 * before a person has consented, or its public tools.
 */
export const servicePurposes = ['own', 'discovery', 'public'] as const;
export type ServicePurpose = (typeof servicePurposes)[number];

/**
 * What a machine client asks for with `client_credentials` (RFC 6749 §4.4): `audience` or `resource` names the upstream,
 * and the parameter `purpose`, which is ours, which of its credentials (left out: `own`). `rejected_token_sha256` as in
 * an exchange.
 */
export interface ServiceTokenRequest {
  /** Slug of the upstream. */
  readonly audience: string;
  readonly purpose: ServicePurpose;
  /** SHA-256 (base64url) of a token that the upstream refused. */
  readonly rejectedTokenSha256?: string;
}
