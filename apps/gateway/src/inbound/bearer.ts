const scheme = /^Bearer +/i;
const token68 = /^[A-Za-z0-9._~+/-]+=*$/;

/** The token of an `Authorization: Bearer` header (RFC 6750 §2.1); undefined where there is none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const token = scheme.test(authorization) ? authorization.replace(scheme, '') : '';
  return token68.test(token) ? token : undefined;
}
