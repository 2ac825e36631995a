import type { RegisterClient } from '../providers/register-client.js';
import { ProviderRefused } from '../providers/provider-refused.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Stored } from '../registry/registry-snapshot.js';
import { fail, type OAuthClientCheck, pass } from './oauth-client-check.js';
import type { Server } from './oauth-client-probe.js';

/** What stands in the document of an oauth client that somebody registered by hand. */
export function documentedRegistration(
  document: OAuthClient,
  hasSecret: boolean,
): OAuthClientCheck {
  if (document.clientId === undefined)
    return fail(
      'registration',
      'There is no client id yet: this is a draft.',
      'Register an application at the provider with the redirectUri shown here, then set clientId.',
    );
  if (document.clientAuth.startsWith('client_secret') && !hasSecret)
    return fail(
      'registration',
      'There is no client secret.',
      'Set clientSecret, or clientAuth none for a public client.',
    );
  return pass('registration', 'A client id and what it authenticates with are set.');
}

/** Registers where that has not been done, or has come to its end (RFC 7591). */
export async function dynamicRegistration(
  client: Stored<OAuthClient>,
  { metadata, registration, token }: Server,
  register: RegisterClient,
): Promise<OAuthClientCheck> {
  const issuer = metadata?.issuer ?? new URL(token).origin;
  try {
    await register.current(client, { issuer, registration_endpoint: registration });
    return pass('registration', 'The vault is registered at the authorization server.');
  } catch (error) {
    if (!(error instanceof ProviderRefused)) throw error;
    const { detail } = error.failure;
    return fail(
      'registration',
      detail,
      'Correct what it names, or register by hand and set registration static with the clientId.',
    );
  }
}
