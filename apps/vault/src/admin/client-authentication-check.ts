import { randomBytes } from 'node:crypto';
import { Secret } from '#lib/secret/secret';
import { fail, needsUser, type OAuthClientCheck, pass } from './oauth-client-check.js';
import type { Probe } from './oauth-client-probe.js';

const name = 'client-authentication';

/**
 * Refreshes with a token that cannot exist. RFC 6749 §5.2: a server that knows the client answers invalid_grant, one
 * that does not invalid_client; nothing else is learnt or changed by it.
 */
export async function clientAuthenticationCheck({
  document,
  provider,
}: Probe): Promise<OAuthClientCheck> {
  const nonsense = new Secret(`symbolon-test-${randomBytes(24).toString('hex')}`);
  const result = await provider.refresh(nonsense, {});
  const accepted = 'The token endpoint knows the client and accepts what it authenticates with.';
  if (result.ok || result.code === 'invalid_grant') return pass(name, accepted);
  const code = /\b[a-z]+(?:_[a-z]+)+$/.exec(result.detail)?.[0];
  if (code === 'invalid_client' || /^401\b/.test(result.detail))
    return fail(name, 'The token endpoint refuses the client.', remedy(document.clientAuth));
  if (code === 'unauthorized_client')
    return fail(
      name,
      'The client may not use refresh tokens.',
      'Allow the refresh token grant for it at the provider.',
    );
  const status = /^\d{3}\b/.exec(result.detail)?.[0] ?? 'nothing usable';
  return needsUser(
    name,
    `The token endpoint answered ${status}${code === undefined ? '' : ` ${code}`}, which tells nothing about the client.`,
    'Connect once; the result shows whether the client is accepted.',
  );
}

function remedy(clientAuth: string): string {
  if (clientAuth === 'private_key_jwt')
    return 'Register signingKeysUri and clientAuthSigningAlg at the provider, which must be able to fetch that address.';
  if (clientAuth === 'none')
    return 'Compare clientId with the registration at the provider, and let it be a public client there.';
  return 'Compare clientId, clientSecret and clientAuth with the registration at the provider.';
}
