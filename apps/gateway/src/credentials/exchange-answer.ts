import type { TokenOutcome } from '#lib/contract/vault-answers';
import type { CredentialAnswer } from './credentials.js';

type NoToken = Exclude<TokenOutcome, { kind: 'token' }>;

/** What the caller is told where the vault gave no token. */
export function answerWithoutToken(outcome: NoToken): CredentialAnswer {
  switch (outcome.kind) {
    case 'interaction': {
      const { interaction_id, interaction_uri, message, expires_in } = outcome.interaction;
      return {
        kind: 'interaction',
        interactionId: interaction_id,
        uri: interaction_uri,
        message,
        expiresIn: expires_in ?? 600,
      };
    }
    case 'invalid-subject-token':
      return {
        kind: 'invalid-token',
        detail: 'The vault does not accept this access token. Sign in again.',
      };
    case 'refused':
      return refused(outcome.error);
    case 'unavailable':
      return {
        kind: 'unavailable',
        retryAfterSeconds: outcome.retryAfterSeconds,
        detail: 'The credential store does not answer. Try again shortly.',
      };
  }
}

function refused(error: string): CredentialAnswer {
  // Our own authentication failed: nothing that the caller did or could do.
  if (error === 'invalid_client')
    return {
      kind: 'unavailable',
      retryAfterSeconds: 30,
      detail: 'This gateway is not set up correctly.',
    };
  // No page of ours could help: it is one sign-in, and what is missing is missing there.
  if (error === 'invalid_grant')
    return {
      kind: 'forbidden',
      detail:
        'The identity provider of this service does not exchange your sign-in for it. Sign in again; if that does not help, it wants your consent or a further factor, or an administrator has to allow it there.',
    };
  if (error === 'invalid_scope')
    return {
      kind: 'forbidden',
      detail: 'The service does not offer the access that this call needs.',
    };
  return {
    kind: 'forbidden',
    detail: 'This service may not be called here, or not by this application.',
  };
}

export const outdated: CredentialAnswer = {
  kind: 'unavailable',
  retryAfterSeconds: 1,
  detail: 'The connection to this service is changing. Try again shortly.',
};

export const unusable: CredentialAnswer = {
  kind: 'unavailable',
  retryAfterSeconds: 60,
  detail: 'The token stored for this service cannot be sent.',
};
