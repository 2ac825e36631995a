export const redacted = '[redacted]';

const jwt = /\beyJ[\w-]{4,}\.[\w-]*(?:\.[\w-]*)*/g;
const credentials = /\b(Bearer|Basic|DPoP) +[\w.~+/=-]{4,}/gi;
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
  let masked = text;
  if (masked.includes('eyJ')) masked = masked.replaceAll(jwt, redacted);
  if (masked.includes(' ')) masked = masked.replaceAll(credentials, `$1 ${redacted}`);
  if (masked.includes('=')) masked = masked.replaceAll(parameter, `$1${redacted}`);
  if (masked.includes('"')) masked = masked.replaceAll(member, `$1${redacted}`);
  return masked;
}

/**
 * The second net under `Secret`: `maskCredentials`, and every run of 32 or more characters that looks
 * random. UUIDs, ULIDs, slugs and short fingerprints pass; an identifier that looks random is masked too.
 */
export function maskTokens(text: string): string {
  if (text.length < 12) return text;
  const masked = maskCredentials(text);
  return masked.length < 32 ? masked : masked.replaceAll(opaque, maskOpaque);
}
