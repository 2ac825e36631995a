import { needsUser, type OAuthClientCheck, pass } from './oauth-client-check.js';
import type { Ask } from './oauth-client-probe.js';

/**
 * Whether what we publish answers at its public address. A failure is not one of the registration: the provider may
 * reach an address that this server does not.
 */
export async function ownDocumentCheck(
  check: 'signing-keys' | 'metadata-document',
  url: string,
  ask: Ask,
): Promise<OAuthClientCheck> {
  const fix = `Make sure that the provider can fetch ${url} without credentials.`;
  const asked = await ask(url);
  if (!asked.ok) return needsUser(check, `From here our own address does not answer.`, fix);
  const { status, body } = asked.answer;
  const member = check === 'signing-keys' ? 'keys' : 'client_id';
  if (status !== 200 || !hasMember(body, member))
    return needsUser(check, `From here our own address answers ${status}.`, fix);
  return pass(check, `${url} answers with what the provider needs.`);
}

function hasMember(body: Buffer, member: string): boolean {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && member in parsed;
  } catch {
    return false;
  }
}
