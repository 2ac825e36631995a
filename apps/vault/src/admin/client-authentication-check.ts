import { randomBytes } from 'node:crypto';
import { fail, needsUser, type OAuthClientCheck, pass } from './oauth-client-check.js';
import type { Probe, Server } from './oauth-client-probe.js';

const name = 'client-authentication';

/**
 * Redeems a code that cannot exist. RFC 6749 §5.2: a server that knows the client answers invalid_grant, one that
 * does not invalid_client; nothing else is learnt or changed by it.
 */
export async function clientAuthenticationCheck(
  { token }: Server,
  probe: Probe,
): Promise<OAuthClientCheck> {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: `symbolon-test-${randomBytes(16).toString('hex')}`,
    redirect_uri: probe.redirectUri,
    code_verifier: randomBytes(32).toString('base64url'),
  });
  const headers = authenticate(form, probe);
  const asked = await probe.ask(token, form, headers);
  if (!asked.ok) return fail(name, asked.detail, 'Try again when the token endpoint answers.');
  const error = errorOf(asked.answer.body);
  if (error === 'invalid_grant')
    return pass(
      name,
      'The token endpoint knows the client and accepts what it authenticates with.',
    );
  if (error === 'invalid_client' || asked.answer.status === 401)
    return fail(
      name,
      'The token endpoint refuses the client.',
      'Compare clientId, clientSecret and clientAuth with the registration at the provider.',
    );
  if (error === 'unauthorized_client')
    return fail(
      name,
      'The client may not use the authorization code grant.',
      'Allow it at the provider.',
    );
  return needsUser(
    name,
    `The token endpoint answered ${asked.answer.status}${error ? ` ${error}` : ''}, which tells nothing about the client.`,
    'Connect once; the result shows whether the client is accepted.',
  );
}

// RFC 6749 §2.3.1: id and secret are form-encoded before they become user name and password.
function authenticate(
  form: URLSearchParams,
  { document, clientId, secret }: Probe,
): Record<string, string> {
  const { clientAuth } = document;
  if (clientAuth === 'client_secret_basic' && secret) {
    const pair = [clientId, secret.reveal()].map(formEncoded).join(':');
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
  }
  form.set('client_id', clientId);
  if (clientAuth === 'client_secret_post' && secret) form.set('client_secret', secret.reveal());
  return {};
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

/** Only codes of the RFCs: what else a server writes is not repeated. */
function errorOf(body: Buffer): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    const error =
      typeof parsed === 'object' && parsed !== null && 'error' in parsed && parsed.error;
    return typeof error === 'string' && /^[a-z_]{1,60}$/.test(error) ? error : undefined;
  } catch {
    return undefined;
  }
}
