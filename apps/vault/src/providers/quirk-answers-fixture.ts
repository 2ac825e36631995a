import type {
  IssuedTokens,
  QuirkAuthorizationServer,
  QuirkRequest,
} from '#lib/testing/quirk-authorization-server';

/** RFC 6749 §5.1 to the letter. */
export const regular = ({ access, refresh, scope }: IssuedTokens) => ({
  access_token: access,
  refresh_token: refresh,
  token_type: 'bearer',
  expires_in: 3600,
  scope,
});

/** The same with an ID token. */
export const withIdToken = (tokens: IssuedTokens) => ({
  ...regular(tokens),
  ...(tokens.isRefresh ? {} : { id_token: tokens.idToken }),
});

type Route = (
  request: QuirkRequest,
  server: QuirkAuthorizationServer,
) => { status?: number; body: unknown } | undefined;

/** An API that wants the access token, and perhaps a header. */
export const api =
  (body: unknown, header?: readonly [string, string]): Route =>
  (request, server) =>
    server.isBearer(request) && (!header || request.headers[header[0]] === header[1])
      ? { body }
      : undefined;

/** RFC 7009 with client authentication as at the token endpoint; `member` carries the token. */
export const revocation =
  (format: 'form' | 'json' = 'form', member = 'token', only?: 'access' | 'refresh'): Route =>
  (request, server) => {
    const isJson = request.contentType.startsWith('application/json');
    if (isJson !== (format === 'json')) return undefined;
    if (!server.authenticates(request, server.provider.token.auth)) return undefined;
    return ended(server, request.members[member], only);
  };

/** Revocation of the access token that is the bearer of the request. */
export const selfRevocation =
  (body: unknown = {}): Route =>
  (request, server) =>
    server.isBearer(request) && ended(server, server.bearerOf(request), 'access')
      ? { body }
      : undefined;

function ended(
  server: QuirkAuthorizationServer,
  token: unknown,
  only?: 'access' | 'refresh',
): { body: unknown } | undefined {
  if (only === 'refresh' && server.isAccess(token)) return undefined;
  if (only === 'access' && !server.isAccess(token)) return undefined;
  return server.ends(token) ? { body: {} } : undefined;
}
