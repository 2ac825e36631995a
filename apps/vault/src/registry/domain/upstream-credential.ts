import { z } from 'zod';
import { LinearPattern } from './linear-pattern.js';
import type { Reference } from './collection.js';
import { isPageAddress, scopes, slug, webUrl, writeOnlySecret } from './names.js';

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
  pattern: z
    .string()
    .min(1)
    .max(200)
    .superRefine((source, context) => {
      const message = LinearPattern.refusal(source);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .optional(),
  /** GET with the token: 2xx means that it works, 401 and 403 that it does not. */
  check: z.strictObject({ url: webUrl }).optional(),
});

/** A page of the company's own collects the token and hands it over. */
const external = z.strictObject({
  type: z.literal('external'),
  url: webUrl.refine((value) => !URL.canParse(value) || isPageAddress(new URL(value)), {
    message: 'must be https, or http on a loopback address, without user and password',
  }),
});

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

/** Its `secret` is taken out before anything is stored or shown. */
const fixed = z.strictObject({ type: z.literal('static'), secret: writeOnlySecret.optional() });

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

/** The members of an upstream that hold a credential. */
const credentialMembers = ['credential', 'discoveryCredential', 'publicCredential'] as const;
type Credentials = {
  readonly [Member in (typeof credentialMembers)[number]]?:
    | Credential
    | ServiceCredential
    | undefined;
};

/** Every write-only secret that an upstream may have, by dotted path. */
export const credentialSecrets = credentialMembers.map((member) => `${member}.secret`);

/** Those that these credentials are made of. */
export function secretsOfCredentials(given: Credentials): readonly string[] {
  return credentialMembers
    .filter((member) => given[member]?.type === 'static')
    .map((member) => `${member}.secret`);
}

/** What the credentials name of other resources. */
export function credentialReferences(given: Credentials): Reference[] {
  return credentialMembers.flatMap((member) => {
    const credential = given[member];
    const oauthClient = credential && oauthClientOf(credential);
    const issuers = credential?.type === 'token-exchange' ? credential.subjectIssuers : [];
    return [
      ...(oauthClient === undefined
        ? []
        : [
            {
              pointer: `/${member}/oauthClient`,
              collection: 'oauth-clients' as const,
              slug: oauthClient,
            },
          ]),
      ...issuers.map((slug, index) => ({
        pointer: `/${member}/subjectIssuers/${index}`,
        collection: 'issuers' as const,
        slug,
      })),
    ];
  });
}
