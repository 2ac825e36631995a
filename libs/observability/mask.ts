export const redacted = '[redacted]';

const jwt = /\beyJ[\w-]{4,}\.[\w-]*(?:\.[\w-]*)*/g;
const credentials = /\b(Bearer|Basic|DPoP)\s+[\w.~+/=-]{4,}/gi;
const parameter =
  /([?&#](?:code|state|nonce|token|access_token|refresh_token|id_token|subject_token|client_assertion|client_secret|code_verifier|password)=)[^&#\s"'<>]+/gi;
// The quote may itself be escaped: a JSON body quoted inside an error message.
const member =
  /(\\*"(?:access_token|refresh_token|id_token|subject_token|client_assertion|client_secret|code_verifier|authorization|cookie|set-cookie|password)\\*"\s*:\s*\\*")[^"\\]+/gi;
const opaque = /[\w+=~-]{32,}/g;

function maskOpaque(candidate: string): string {
  if (/^[0-9a-f]{48,}$/.test(candidate)) return redacted;
  const mixed = /[a-z]/.test(candidate) && /[A-Z]/.test(candidate);
  const random = /[0-9]/.test(candidate) || candidate.replaceAll(/[^A-Z]/g, '').length >= 8;
  return mixed && random ? redacted : candidate;
}

/** Masks what is unmistakably a credential: a JWT, an Authorization value, a token in a query or a JSON body. */
export function maskCredentials(text: string): string {
  return text
    .replaceAll(jwt, redacted)
    .replaceAll(credentials, `$1 ${redacted}`)
    .replaceAll(parameter, `$1${redacted}`)
    .replaceAll(member, `$1${redacted}`);
}

/**
 * The second net under `Secret`: `maskCredentials`, and every run of 32 or more characters that looks
 * random. UUIDs, ULIDs, slugs and short fingerprints pass; an identifier that looks random is masked too.
 */
export function maskTokens(text: string): string {
  if (text.length < 12) return text;
  return maskCredentials(text).replaceAll(opaque, maskOpaque);
}
