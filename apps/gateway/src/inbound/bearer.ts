const scheme = /^Bearer +/i;
const token68 = /^[A-Za-z0-9._~+/-]+=*$/;

/** What follows `Bearer` in an Authorization header (RFC 6750 §2.1); not yet looked at. */
export function bearerCredentials(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  // As nearly every client writes it.
  if (authorization.startsWith('Bearer ') && authorization[7] !== ' ')
    return authorization.slice(7);
  return scheme.test(authorization) ? authorization.replace(scheme, '') : undefined;
}

/** Whether it can be a token at all (RFC 6750 §2.1, b64token). */
export function isToken68(credentials: string): boolean {
  return token68.test(credentials);
}
