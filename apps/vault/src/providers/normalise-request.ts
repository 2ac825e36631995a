import type { Template } from '../templates/template.js';

/** A request as openid-client makes it, to an endpoint that takes forms. */
export interface FormRequest {
  readonly url: string;
  readonly headers: Headers;
  readonly body: URLSearchParams;
}

/** A request as it goes out. */
export interface WireRequest {
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

type Parameters = Template['token']['params'];

const form = 'application/x-www-form-urlencoded';

/** The authorization request as this provider wants it. */
export function providerAuthorizationUrl({ authorize }: Template, regular: URL): URL {
  const url = new URL(regular);
  // RFC 9126 §4: what was pushed stands in the reference; only our name is said again.
  if (url.searchParams.has('request_uri')) renameIn(url.searchParams, authorize.rename);
  else rewrite(authorize, url.searchParams);
  return url;
}

/** A pushed authorization request (RFC 9126) as this provider wants it: the same parameters, and who we are. */
export function providerPushedRequest(template: Template, regular: FormRequest): WireRequest {
  const { url, headers } = providerClientAuth(template, regular);
  const body = new URLSearchParams(regular.body);
  rewrite(template.authorize, body);
  return { url, ...encoded('form', headers, Object.fromEntries(body)) };
}

function rewrite(authorize: Template['authorize'], parameters: URLSearchParams): void {
  const scopes = splitScopes(authorize, parameters.get('scope') ?? '');
  parameters.delete('scope');
  if (scopes.main.length > 0 || !authorize.skipEmptyScope)
    parameters.set('scope', scopes.main.join(authorize.scopeSeparator));
  if (authorize.pkce === 'off') {
    parameters.delete('code_challenge');
    parameters.delete('code_challenge_method');
  }
  for (const name of authorize.remove) parameters.delete(name);
  renameIn(parameters, authorize.rename);
  for (const [name, list] of scopes.extra)
    parameters.set(name, list.join(authorize.scopeSeparator));
}

/** A token request as this provider wants it; `refreshEndpoint` where refreshing has an address of its own. */
export function providerTokenRequest(
  template: Template,
  { url, headers, body: regular }: FormRequest,
  refreshEndpoint: string | undefined,
): WireRequest {
  const { authorize, token, refresh } = template;
  const body = new URLSearchParams(regular);
  const isRefresh = body.get('grant_type') === 'refresh_token';
  if (authorize.pkce === 'off') body.delete('code_verifier');
  const scope = body.get('scope');
  if (scope !== null) body.set('scope', scope.split(' ').join(authorize.scopeSeparator));
  if (isRefresh && refresh.grant !== undefined) body.set('grant_type', refresh.grant);
  for (const name of token.remove) body.delete(name);
  renameIn(body, isRefresh ? { ...token.rename, ...refresh.rename } : token.rename);
  const added = { ...token.params, ...(isRefresh ? refresh.params : {}) };
  const sent = providerClientAuth(template, { url, headers, body });
  for (const [name, value] of Object.entries(token.headers)) sent.headers.set(name, value);
  return {
    url: isRefresh ? (refreshEndpoint ?? url) : url,
    ...encoded(token.bodyFormat, sent.headers, { ...Object.fromEntries(body), ...added }),
  };
}

/** Basic as this provider reads it (RFC 6749 §2.3.1 is read in several ways). */
export function providerClientAuth({ clientAuth }: Template, request: FormRequest): FormRequest {
  const headers = new Headers(request.headers);
  const basic = /^Basic (.+)$/.exec(headers.get('authorization') ?? '')?.[1];
  if (basic === undefined) return { ...request, headers };
  const { encoding, username } = clientAuth;
  const pair = Buffer.from(basic, 'base64').toString('utf8').split(':').map(formDecoded);
  const [id = '', secret = ''] = pair;
  const parts = username === 'client_secret' ? [secret, ''] : [id, secret];
  const written = encoding === 'raw' ? parts : parts.map(formEncoded);
  headers.set('authorization', `Basic ${Buffer.from(written.join(':')).toString('base64')}`);
  return { ...request, headers };
}

/** A body of these members, and the headers that say so. */
export function encoded(
  format: 'form' | 'json',
  given: Headers,
  members: Parameters,
): { headers: Headers; body: string } {
  const headers = new Headers(given);
  headers.delete('content-length');
  headers.set('content-type', format === 'json' ? 'application/json' : form);
  if (format === 'json') return { headers, body: JSON.stringify(members) };
  const texts = Object.entries(members).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  return { headers, body: new URLSearchParams(texts).toString() };
}

function splitScopes({ extraScopeParams }: Template['authorize'], scope: string) {
  const all = scope.split(' ').filter(Boolean);
  const extra = Object.entries(extraScopeParams).map(([name, { prefix }]) => {
    const mine = all.filter((one) => one.startsWith(prefix));
    return [name, mine.map((one) => one.slice(prefix.length))] as const;
  });
  const prefixes = Object.values(extraScopeParams).map(({ prefix }) => prefix);
  const main = all.filter((one) => !prefixes.some((prefix) => one.startsWith(prefix)));
  return { main, extra: extra.filter(([, list]) => list.length > 0) };
}

function renameIn(parameters: URLSearchParams, names: Readonly<Record<string, string>>): void {
  for (const [from, to] of Object.entries(names)) {
    const value = parameters.get(from);
    if (value === null) continue;
    parameters.delete(from);
    parameters.set(to, value);
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function formDecoded(text: string): string {
  return new URLSearchParams(`=${text}`).get('') ?? '';
}
