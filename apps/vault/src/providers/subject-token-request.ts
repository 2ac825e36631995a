import { accessTokenType, tokenExchangeGrant } from '#lib/contract/exchange';
import type { Secret } from '#lib/secret/secret';
import type { ProviderFailure, SubjectTokenOptions } from './provider.js';

type Parameters = Readonly<Record<string, string>>;

const jwtBearerGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** Grant type and parameters by which the caller's own token is exchanged; scopes and resource come beside them. */
export function subjectTokenRequest(
  subjectToken: Secret,
  { flow, audience }: SubjectTokenOptions,
): readonly [grantType: string, parameters: Parameters] {
  const token = subjectToken.reveal();
  // RFC 7523 §2.1 as Entra extends it: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow
  if (flow === 'on-behalf-of')
    return [jwtBearerGrant, { assertion: token, requested_token_use: 'on_behalf_of' }];
  const parameters = {
    subject_token: token,
    subject_token_type: accessTokenType,
    requested_token_type: accessTokenType,
    ...(audience === undefined ? {} : { audience }),
  };
  return [tokenExchangeGrant, parameters];
}

export function scopeOf({ scopes }: { readonly scopes: readonly string[] }): Parameters {
  return scopes.length === 0 ? {} : { scope: scopes.join(' ') };
}

// Entra's claims challenge, and OpenID Connect Core §3.1.2.6: the server wants the person in front of it.
const wantsPerson = /\b(?:interaction_required|consent_required|login_required|access_denied)$/;

/** Asking again brings nothing while the person has not done something there. */
export function withoutPerson(failure: ProviderFailure): ProviderFailure {
  return failure.code === 'transient' && wantsPerson.test(failure.detail)
    ? { ok: false, code: 'invalid_grant', detail: failure.detail }
    : failure;
}
