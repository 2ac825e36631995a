import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client';
import { OutboundError } from '#lib/outbound/outbound-error';
import type { ProviderFailure } from './provider.js';

/** A failure on its way through openid-client, which wraps what its `fetch` throws. */
export class ProviderRefused extends Error {
  override readonly name = 'ProviderRefused';

  constructor(readonly failure: ProviderFailure) {
    super(failure.detail);
  }
}

/**
 * The failure behind whatever a call of openid-client threw; programming errors are thrown again.
 * `unacceptable` is the verdict on an answer that came but is not what it must be (`iss`, nonce, metadata).
 */
export function failureFrom(
  error: unknown,
  unacceptable: 'invalid_grant' | 'transient',
): ProviderFailure {
  const cause = error instanceof ClientError ? error.cause : error;
  if (cause instanceof ProviderRefused) return cause.failure;
  if (cause instanceof OutboundError) return outboundFailure(cause);
  if (error instanceof AuthorizationResponseError) return authorizationFailure(error.error);
  if (error instanceof ResponseBodyError) return refusedElsewhere(error);
  if (error instanceof ClientError)
    return { ok: false, code: unacceptable, detail: reasonOf(error) };
  throw error;
}

// RFC 9126 §2.3 and RFC 6749 §4.1.2.1: our request or our registration is wrong, not the server.
const ours = new Set([
  'invalid_client',
  'invalid_redirect_uri',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
]);

// Not the token endpoint: pushed authorization, revocation, userinfo. Nothing there says anything about a grant.
function refusedElsewhere({ status, error }: ResponseBodyError): ProviderFailure {
  if (status < 500 && ours.has(error))
    return { ok: false, code: 'misconfigured', detail: `${status} ${error}` };
  return { ok: false, code: 'transient', detail: `${status} and an OAuth error` };
}

function outboundFailure(error: OutboundError): ProviderFailure {
  const code = error.code === 'refused-address' ? 'misconfigured' : 'transient';
  return { ok: false, code, detail: error.message };
}

/** RFC 6749 §4.1.2.1: the authorization endpoint sent the browser back with an error. */
function authorizationFailure(error: string): ProviderFailure {
  const known = /^[a-z_]{1,40}$/.test(error) ? error : 'an unknown error';
  const detail = `the authorization server answered ${known}`;
  if (error === 'server_error' || error === 'temporarily_unavailable')
    return { ok: false, code: 'transient', detail };
  return { ok: false, code: ours.has(error) ? 'misconfigured' : 'invalid_grant', detail };
}

function reasonOf(error: ClientError): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
