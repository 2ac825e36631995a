import { clientAssertionType } from '#lib/contract/exchange';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Stored } from '../registry/registry-snapshot.js';
import type { OAuthRefusal } from './domain/exchange-parameters.js';

/** Recognises who signed a private_key_jwt assertion (RFC 7523 §3); undefined if it does not count. */
export interface AssertionAuthenticator {
  authenticate(assertion: string): Promise<Stored<MachineClient> | undefined>;
}

const refused: OAuthRefusal = {
  error: 'invalid_client',
  description: 'Authenticate by private_key_jwt: an assertion signed with a registered key.',
};

/** RFC 7523 §2.2 at the token endpoint. Secrets and the Authorization header are not a way in. */
export async function authenticateClient(
  authenticator: AssertionAuthenticator,
  form: Readonly<Record<string, string>>,
): Promise<Stored<MachineClient> | OAuthRefusal> {
  const { client_assertion: assertion, client_id: named } = form;
  if (form.client_assertion_type !== clientAssertionType || assertion === undefined) return refused;
  const client = await authenticator.authenticate(assertion);
  // The backend of a page that brings tokens: none is ever handed to it.
  if (client === undefined || client.document.kind === 'external') return refused;
  return named === undefined || named === client.document.slug ? client : refused;
}
