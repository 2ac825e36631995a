import { createHash, randomBytes } from 'node:crypto';
import { fail, needsUser, type OAuthClientCheck, pass } from './oauth-client-check.js';
import type { Probe, Server } from './oauth-client-probe.js';

const name = 'redirect-uri';

/**
 * Asks for an authorization that shows nobody a page (OIDC `prompt=none`). A server that knows our redirect URI
 * sends the refusal there; RFC 6749 §4.1.2.1 forbids it to redirect to one that is not registered.
 */
export async function redirectUriCheck(
  { authorization }: Server,
  { document, clientId, redirectUri, ask }: Probe,
): Promise<OAuthClientCheck> {
  const url = new URL(authorization);
  const challenge = createHash('sha256').update(randomBytes(32)).digest('base64url');
  const parameters = {
    ...document.authorizeParams,
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: document.scopes.join(' '),
    state: randomBytes(16).toString('base64url'),
    code_challenge: challenge,
    code_challenge_method: 'S256',
    prompt: 'none',
  };
  for (const [key, value] of Object.entries(parameters)) url.searchParams.set(key, value);
  const asked = await ask(url.href);
  const compare = `Register exactly this address at the provider: ${redirectUri}`;
  if (!asked.ok) return fail(name, asked.detail, 'Try again when the server answers.');
  const { status, headers } = asked.answer;
  const location = [headers['location']].flat()[0] ?? '';
  if (status >= 300 && status < 400 && leadsTo(location, redirectUri))
    return pass(name, 'The server redirects to the redirect URI of this oauth client.');
  if (status >= 400 && status < 500)
    return fail(name, `The authorization endpoint answered ${status}.`, compare);
  return needsUser(name, 'The server shows a page before it checks the redirect URI.', compare);
}

function leadsTo(location: string, redirectUri: string): boolean {
  if (!URL.canParse(location)) return false;
  const { origin, pathname } = new URL(location);
  return `${origin}${pathname}` === redirectUri;
}
