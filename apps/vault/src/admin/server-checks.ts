import type { OAuthClient } from '../registry/domain/oauth-client.js';
import { filledTemplateOf } from '../registry/effective-oauth-client.js';
import { fail, needsUser, type OAuthClientCheck, pass } from './oauth-client-check.js';
import type { Server } from './oauth-client-probe.js';

/** What the server's own description says of what this oauth client wants. */
export function serverChecks(document: OAuthClient, server: Server): OAuthClientCheck[] {
  return [
    scopes(document, server),
    pkce(document, server),
    offlineAccess(document, server),
    issParameter(server),
    pushedAuthorization(document, server),
    dpop(document, server),
    revocation(document, server),
  ];
}

function scopes({ scopes: wanted }: OAuthClient, { metadata }: Server): OAuthClientCheck {
  const offered = metadata?.scopes_supported;
  if (offered === undefined)
    return needsUser(
      'scopes',
      'The server does not list its scopes.',
      'Compare scopes with what the provider’s documentation names.',
    );
  const unknown = wanted.filter((scope) => !offered.includes(scope));
  if (unknown.length === 0)
    return pass('scopes', 'The server lists every scope that is asked for.');
  // RFC 8414 §2: a server may keep some to itself.
  return needsUser(
    'scopes',
    `The server does not list ${unknown.join(', ')}.`,
    'Look for their exact spelling in the provider’s documentation.',
  );
}

function pkce(document: OAuthClient, { metadata }: Server): OAuthClientCheck {
  if (filledTemplateOf(document)?.authorize.pkce === 'off')
    return needsUser(
      'pkce',
      'This provider takes no PKCE, and the vault sends none: its template says so.',
      'Nothing to do. A code is bound to the browser and session that began, by state.',
    );
  const methods = metadata?.code_challenge_methods_supported;
  if (methods?.includes('S256') === true) return pass('pkce', 'PKCE with S256 is advertised.');
  if (methods !== undefined)
    return fail(
      'pkce',
      'The server advertises PKCE, but not S256.',
      'Switch S256 on for this client at the provider; the vault never connects without it.',
    );
  return needsUser(
    'pkce',
    'The server does not say whether it checks PKCE. The vault sends S256 always.',
    'Look for PKCE in the provider’s console and require it there.',
  );
}

function offlineAccess({ scopes: wanted }: OAuthClient, { metadata }: Server): OAuthClientCheck {
  const offered = metadata?.scopes_supported?.includes('offline_access');
  const asked = wanted.includes('offline_access');
  if (asked && offered === true)
    return pass('offline-access', 'offline_access is offered and asked for.');
  if (asked && offered === undefined)
    return needsUser(
      'offline-access',
      'offline_access is asked for; the server does not list its scopes.',
      'Connect once and look whether the grant is refreshable.',
    );
  if (asked)
    return fail(
      'offline-access',
      'offline_access is asked for, but the server does not offer it.',
      'Remove it from scopes, and find out how this provider gives refresh tokens.',
    );
  return needsUser(
    'offline-access',
    'offline_access is not asked for.',
    offered === true
      ? 'Add it to scopes, or people connect again whenever their token ends.'
      : 'Some providers give refresh tokens without it. Connect once and look whether the grant is refreshable.',
  );
}

function issParameter({ metadata }: Server): OAuthClientCheck {
  const sent = metadata?.authorization_response_iss_parameter_supported === true;
  return pass(
    'iss-parameter',
    sent
      ? 'The server names itself in its answers (RFC 9207), and the vault checks it.'
      : 'The server does not promise to name itself in its answers (RFC 9207); the redirect URI, which no other oauth client has, tells servers apart.',
  );
}

function pushedAuthorization(
  { pushedAuthorization: wish }: OAuthClient,
  { metadata }: Server,
): OAuthClientCheck {
  const name = 'pushed-authorization';
  const offered = metadata?.pushed_authorization_request_endpoint !== undefined;
  if (wish === 'always' && !offered)
    return fail(
      name,
      'The server offers no pushed authorization requests (RFC 9126).',
      'Set pushedAuthorization to auto.',
    );
  if (wish === 'never' && metadata?.require_pushed_authorization_requests === true)
    return fail(
      name,
      'The server demands pushed authorization requests (RFC 9126).',
      'Set pushedAuthorization to auto.',
    );
  const used = offered && wish !== 'never';
  return pass(
    name,
    used
      ? 'Authorization requests are pushed; browsers carry a reference only.'
      : 'Authorization requests go through the browser.',
  );
}

function dpop(document: OAuthClient, { metadata }: Server): OAuthClientCheck {
  const name = 'dpop';
  const algorithms = metadata?.dpop_signing_alg_values_supported;
  const fits = algorithms?.includes('ES256') === true;
  if (document.dpop === 'never')
    return pass(
      name,
      algorithms === undefined
        ? 'The server does not offer DPoP, and none is wanted: tokens are bearer tokens.'
        : 'The server offers DPoP (RFC 9449), which is switched off here: tokens are bearer tokens.',
    );
  if (fits)
    return pass(
      name,
      'The server offers DPoP (RFC 9449) with ES256: tokens are bound to a key of each connection.',
    );
  const offered =
    algorithms === undefined
      ? 'The server does not offer DPoP (RFC 9449)'
      : `The server offers DPoP (RFC 9449), but not with ES256`;
  if (document.dpop === 'auto') return pass(name, `${offered}; tokens are bearer tokens.`);
  if (metadata === undefined)
    return needsUser(
      name,
      'Endpoints that are typed in do not say whether there is DPoP; proofs are sent always.',
      'Connect once: a server that answers with bearer tokens is refused.',
    );
  return fail(name, `${offered}, which is demanded here.`, 'Set dpop to auto.');
}

function revocation(document: OAuthClient, { revocation: endpoint }: Server): OAuthClientCheck {
  if (filledTemplateOf(document)?.revoke !== undefined)
    return pass(
      'revocation',
      'Tokens are revoked in this provider’s own way when people disconnect.',
    );
  if (endpoint !== undefined)
    return pass('revocation', 'The server revokes tokens (RFC 7009) when people disconnect.');
  return needsUser(
    'revocation',
    'The server names no revocation endpoint: a disconnect ends only what the vault holds.',
    'Tell people where to remove the connection at the provider, or give endpoints.revocation.',
  );
}
