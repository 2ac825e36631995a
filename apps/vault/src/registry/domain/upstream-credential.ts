import { z } from 'zod';
import { scopes, slug, webUrl } from './names.js';

const oauth = z.strictObject({
  type: z.literal('oauth'),
  oauthClient: slug,
  scopes: scopes.optional(),
  /** RFC 8707: sent to the authorization and token endpoints. */
  resource: webUrl.optional(),
});

/** The person pastes a token that they made at the service. */
const userToken = z.strictObject({
  type: z.literal('user-token'),
  /** What the page says about where to get one; plain text. */
  instructions: z.string().min(1).max(2000),
  /** What a token looks like, as a regular expression of the whole. */
  pattern: z.string().min(1).max(200).optional(),
  /** GET with the token: 2xx means that it works, 401 and 403 that it does not. */
  check: z.strictObject({ url: webUrl }).optional(),
});

/** A page of the company's own collects the token and hands it over. */
const external = z.strictObject({ type: z.literal('external'), url: webUrl });

/** RFC 8693, or RFC 7523 on behalf of a user as Entra has it, from the caller's own token. */
const tokenExchange = z.strictObject({
  type: z.literal('token-exchange'),
  oauthClient: slug,
  audience: z.string().min(1).max(500).optional(),
  scopes: scopes.optional(),
  resource: webUrl.optional(),
  flow: z.enum(['token-exchange', 'on-behalf-of']).default('token-exchange'),
  /** Issuers whose tokens may be sent to the authorization server beside its own. */
  subjectIssuers: z.array(slug).max(20).default([]),
});

const clientCredentials = z.strictObject({
  type: z.literal('client-credentials'),
  oauthClient: slug,
  scopes: scopes.optional(),
  resource: webUrl.optional(),
});

/** Its `secret` is write-only and stands in no document. */
const fixed = z.strictObject({ type: z.literal('static') });

const none = z.strictObject({ type: z.literal('none') });

/** How a call gets what the upstream accepts. */
export const credential = z.discriminatedUnion('type', [
  oauth,
  userToken,
  external,
  tokenExchange,
  clientCredentials,
  fixed,
  none,
]);
export type Credential = z.output<typeof credential>;

/** Nobody's own: the same for every caller. */
export const serviceCredential = z.discriminatedUnion('type', [clientCredentials, fixed, none]);
export type ServiceCredential = z.output<typeof serviceCredential>;

/** The oauth client that a credential is got by. */
export function oauthClientOf(given: Credential | ServiceCredential): string | undefined {
  return 'oauthClient' in given ? given.oauthClient : undefined;
}
