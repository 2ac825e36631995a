import { z } from 'zod';

const word = /^[A-Za-z][A-Za-z0-9_]{0,60}$/;
const sentence = z.string().min(1).max(1000);
const parameter = z.string().regex(/^[A-Za-z0-9_.[\]-]{1,60}$/);
const header = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,60}$/);
/** RFC 6901 into the JSON of an answer. */
const pointer = z.string().regex(/^(?:\/[^/]+)+$/);
/** The first that leads to something counts. */
const pointers = z.array(pointer).min(1);
/** `{variable}` stands for what the administrator gives. */
const filled = z.string().max(500);
const url = filled.regex(/^(?:https:\/\/[^\s]+|\{\w+\}[^\s]*)$/, {
  message: 'must be an https URL, or begin with a variable',
});
/** Numbers stay numbers where the body is JSON. */
const parameters = z.record(parameter, z.union([filled, z.number()]));
const headers = z.record(header, filled);
const seconds = z.int().min(1);
/** A host name, `*.` before it for any name below it, or `*` for any host. */
const host = z.string().regex(/^(?:\*|(?:\*\.)?[a-z0-9.-]+)$/);

const variable = z.strictObject({
  description: sentence,
  /** The whole value, in JavaScript's regular expressions. */
  pattern: z.string().refine(isPattern, { message: 'must be a regular expression' }),
  example: z.string(),
  default: z.string().optional(),
  /** Where addresses with this variable in their host may lead, whatever its value. */
  hosts: z.array(host).min(1).optional(),
});

const endpoints = z.strictObject({
  authorization: url,
  token: url,
  /** Where refreshing has an address of its own. */
  refresh: url.optional(),
  revocation: url.optional(),
  introspection: url.optional(),
  userinfo: url.optional(),
});

const clientAuth = z.strictObject({
  method: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
    .default('client_secret_basic'),
  /** `raw`: RFC 6749 §2.3.1 asks for form encoding inside of Basic, and this server does not. */
  encoding: z.enum(['form', 'raw']).default('form'),
  /** `client_secret`: the secret is the user name, and there is no password. */
  username: z.enum(['client_id', 'client_secret']).default('client_id'),
});

const authorize = z.strictObject({
  params: z.record(parameter, filled).default({}),
  rename: z.record(parameter, parameter).default({}),
  remove: z.array(parameter).default([]),
  scopeSeparator: z.string().min(1).max(1).default(' '),
  /** Scopes that begin with the prefix go, without it, into this parameter instead of `scope`. */
  extraScopeParams: z.record(parameter, z.strictObject({ prefix: z.string().min(1) })).default({}),
  pkce: z.enum(['S256', 'off']).default('S256'),
  /** False: the server wants an empty `scope` rather than none. */
  skipEmptyScope: z.boolean().default(true),
});

const tokenPaths = z.strictObject({
  access_token: pointers.default(['/access_token']),
  refresh_token: pointers.default(['/refresh_token']),
  scope: pointers.default(['/scope']),
  id_token: pointers.default(['/id_token']),
  token_type: pointers.default(['/token_type']),
});

const token = z.strictObject({
  bodyFormat: z.enum(['form', 'json']).default('form'),
  params: parameters.default({}),
  rename: z.record(parameter, parameter).default({}),
  remove: z.array(parameter).default([]),
  headers: headers.default({}),
  /** Statuses of success; by default every 2xx. */
  okStatus: z.array(z.number().int()).optional(),
  /** A 200 is an error where this leads to something, or to `equals` if that is given. */
  errorIn200: z
    .strictObject({ pointer, equals: z.union([z.string(), z.boolean()]).optional() })
    .optional(),
  errorPaths: pointers.default(['/error']),
  /** What this server says of errors, as RFC 6749 §5.2 says it; the first text found here counts. */
  errors: z.record(z.string(), z.string().regex(/^[a-z_]+$/)).default({}),
  paths: tokenPaths.default(tokenPaths.parse({})),
  defaults: z.strictObject({ token_type: z.string().optional() }).default({}),
  /** Names that this server has for a bearer token. */
  bearerTypes: z.array(z.string()).default([]),
  /** In answers; by default as in the authorization request. */
  scopeSeparator: z.string().min(1).max(1).optional(),
});

const expiry = z.strictObject({
  field: pointers.default(['/expires_in']),
  unit: z.enum(['seconds', 'milliseconds']).default('seconds'),
  /** `at`: a moment since 1970 instead of a lifetime. */
  format: z.enum(['lifetime', 'at']).default('lifetime'),
  /** Its access tokens do not end, whatever the answer says. */
  none: z.boolean().default(false),
  /** Where the answer says nothing. */
  assumeSeconds: z.number().int().min(60).optional(),
  /** RFC 7662, before anything is assumed. */
  introspect: z.boolean().default(false),
});

const refresh = z.strictObject({
  /** The `grant_type`, where it is another than `refresh_token`. */
  grant: z.string().min(1).optional(),
  params: parameters.default({}),
  rename: z.record(parameter, parameter).default({}),
  /** Whether a refresh gives a new refresh token: `optional` where the registration there decides. */
  rotation: z.enum(['always', 'never', 'optional']).optional(),
  /** How long a replaced refresh token still works. */
  graceSeconds: z.int().min(0).optional(),
  marginSeconds: seconds.optional(),
  earliestSeconds: seconds.optional(),
  idleSeconds: seconds.optional(),
  absoluteSeconds: seconds.optional(),
});

/** A value worth keeping with the grant; `hosts` says where it may lead if it is an address. */
const kept = { pattern: z.string().refine(isPattern).optional(), hosts: z.array(host).optional() };

const request = {
  method: z.enum(['GET', 'POST', 'DELETE']).default('GET'),
  url,
  headers: headers.default({}),
};

const metadata = z.strictObject({
  /** By parameter of the callback. */
  callback: z
    .record(
      parameter,
      z.strictObject({ ...kept, equals: filled.optional(), required: z.boolean() }),
    )
    .default({}),
  tokenResponse: z.record(parameter, z.strictObject({ ...kept, pointer })).default({}),
  /** Asked with the access token once the person is back. */
  postConnect: z
    .array(z.strictObject({ ...request, take: z.record(parameter, pointer) }))
    .default([]),
});

/** Where to read whose account it is. */
const named = { subject: pointers, name: z.array(pointer).default([]) };
const account = z.discriminatedUnion('from', [
  z.strictObject({ from: z.literal('idToken'), ...named }),
  z.strictObject({ from: z.literal('tokenResponse'), ...named }),
  z.strictObject({
    from: z.literal('request'),
    ...named,
    ...request,
    /** Sent as JSON; `null` is a body too. */
    json: z.unknown().optional(),
    header: header.default('Authorization'),
    scheme: z.string().default('Bearer'),
  }),
]);

const revoke = z.strictObject({
  method: z.enum(['POST', 'DELETE', 'GET']).default('POST'),
  url,
  /** Which token the server wants; a refresh token is spent for an access token if need be. */
  token: z.enum(['any', 'access', 'refresh']).default('any'),
  /** `client`: as at the token endpoint. `bearer`, `header`: the token itself, the latter as `inject` says. */
  auth: z.enum(['client', 'client_secret_basic', 'bearer', 'header', 'none']).default('client'),
  body: z.enum(['form', 'json', 'none']).default('form'),
  /** Parameters of the body; `{token}` and `{clientId}` are filled in. */
  params: parameters.default({ token: '{token}' }),
  headers: headers.default({}),
});

const retry = z.strictObject({
  /** Where this server says how long to wait, if not in Retry-After. */
  header: header.optional(),
  pointer: pointer.optional(),
  format: z.enum(['seconds', 'at']).default('seconds'),
});

/** All that is peculiar to one provider. Every group may be left out; what then stands is the RFCs. */
export const template = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/),
    title: z.string().min(1).max(60),
    docs: z.string().regex(/^https:\/\/\S+$/),
    /** What to type at the provider, for whoever registers us there. */
    register: sentence,
    scopesHint: sentence,
    /** What this template puts right, for docs/providers.md. */
    quirks: z.array(sentence).min(1),
    variables: z.record(z.string().regex(word), variable).default({}),
    issuer: url.optional(),
    endpoints: endpoints.optional(),
    /** Members of the oauth client that say where it is, because no address can stand here. */
    needs: z.array(z.enum(['discoverFrom'])).default([]),
    scopes: z.array(z.string()).default([]),
    clientAuth: clientAuth.default(clientAuth.parse({})),
    authorize: authorize.default(authorize.parse({})),
    token: token.default(token.parse({})),
    expiry: expiry.default(expiry.parse({})),
    refresh: refresh.default(refresh.parse({})),
    metadata: metadata.default(metadata.parse({})),
    account: account.optional(),
    inject: z
      .strictObject({
        header: header.default('Authorization'),
        scheme: z.string().default('Bearer'),
        /** Further headers that the API wants of every caller. */
        extra: headers.default({}),
      })
      .optional(),
    revoke: revoke.optional(),
    retry: retry.default(retry.parse({})),
  })
  .refine(
    ({ issuer, endpoints: given, needs }) =>
      [issuer, given, needs[0]].filter((one) => one !== undefined).length === 1,
    { message: 'give exactly one of issuer, endpoints and needs' },
  );
export type Template = z.output<typeof template>;

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}
