import { randomBytes } from 'node:crypto';
import { Secret } from '#lib/secret/secret';
import { fail, needsUser, type OAuthClientCheck, pass } from './oauth-client-check.js';
import type { Probe } from './oauth-client-probe.js';

const name = 'redirect-uri';

/**
 * Begins an authorization that shows nobody a page. RFC 9126 §2: a pushed request is judged at once. Else OIDC
 * `prompt=none`: a server that knows our redirect URI sends the refusal there; RFC 6749 §4.1.2.1 forbids it to
 * redirect to one that is not registered.
 */
export async function redirectUriCheck(probe: Probe): Promise<OAuthClientCheck> {
  const { redirectUri } = probe;
  const url = await authorizationUrl(probe);
  const compare = `Register exactly this address at the provider: ${redirectUri}`;
  if (!(url instanceof URL))
    return url.code === 'misconfigured'
      ? fail(name, `The authorization request is refused: ${url.detail}.`, compare)
      : needsUser(name, 'The server did not answer this time.', 'Try again when it does.');
  if (url.searchParams.has('request_uri'))
    return pass(name, 'The server takes a pushed request with this redirect URI.');
  url.searchParams.set('prompt', 'none');
  const asked = await probe.ask(url.href);
  if (!asked.ok) return fail(name, asked.detail, 'Try again when the server answers.');
  const { status, headers } = asked.answer;
  const location = [headers['location']].flat()[0] ?? '';
  if (status >= 300 && status < 400 && leadsTo(location, redirectUri))
    return pass(name, 'The server redirects to the redirect URI of this oauth client.');
  if (status >= 400 && status < 500)
    return fail(name, `The authorization endpoint answered ${status}.`, compare);
  return needsUser(name, 'The server shows a page before it checks the redirect URI.', compare);
}

function authorizationUrl({ provider, document }: Probe) {
  return provider.authorizationUrl({
    state: randomBytes(16).toString('base64url'),
    nonce: randomBytes(16).toString('base64url'),
    codeVerifier: new Secret(randomBytes(32).toString('base64url')),
    scopes: document.scopes,
    resource: undefined,
  });
}

function leadsTo(location: string, redirectUri: string): boolean {
  if (!URL.canParse(location)) return false;
  const { origin, pathname } = new URL(location);
  return `${origin}${pathname}` === redirectUri;
}
