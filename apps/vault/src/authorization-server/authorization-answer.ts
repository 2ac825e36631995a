import type { Recipient } from './begin-sign-in.js';
import type { AuthorizationRefusal } from './domain/authorization-request.js';

/** RFC 6749 §4.1.2 with `iss` (RFC 9207). The redirect URI is one that was found registered, and keeps its own query. */
export function answerUrl(
  { redirectUri, clientState }: Recipient,
  issuer: string,
  answer: { readonly code: string } | AuthorizationRefusal,
): URL {
  const url = new URL(redirectUri);
  const members =
    'code' in answer
      ? { code: answer.code }
      : { error: answer.error, error_description: answer.description };
  for (const [name, value] of Object.entries({ ...members, state: clientState, iss: issuer }))
    if (value !== undefined) url.searchParams.set(name, value);
  return url;
}
