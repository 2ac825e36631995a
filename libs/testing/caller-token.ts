import { createHash, randomBytes } from 'node:crypto';
import { HttpBrowser } from './http-browser.js';

/** A client that registered itself at the corporate provider, as MCP clients do. */
export interface RegisteredApplication {
  readonly clientId: string;
  readonly redirectUri: string;
}

export interface CallerTokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
}

/** RFC 7591 at an issuer of the trial: a public client. */
export async function registerApplication(
  issuer: string,
  name: string,
): Promise<RegisteredApplication> {
  const redirectUri = 'http://127.0.0.1:9/application/callback';
  const answer = await fetch(`${issuer}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: name,
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    }),
  });
  const { client_id: clientId } = (await answer.json()) as { client_id: string };
  return { clientId, redirectUri };
}

/** Signs a person in at the corporate provider's own pages and gets the application a token for `resource`. */
export async function callerTokens(
  issuer: string,
  application: RegisteredApplication,
  login: string,
  resource: string,
): Promise<CallerTokens> {
  const verifier = randomBytes(32).toString('base64url');
  const code = await authorize(issuer, application, login, resource, verifier);
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: application.clientId,
      redirect_uri: application.redirectUri,
      code,
      code_verifier: verifier,
      resource,
    }),
  });
  const tokens = (await answer.json()) as Record<string, string>;
  const { access_token: accessToken } = tokens;
  if (accessToken === undefined) throw new Error(`no token: ${tokens['error']}`);
  return { accessToken, refreshToken: tokens['refresh_token'], idToken: tokens['id_token'] };
}

async function authorize(
  issuer: string,
  { clientId, redirectUri }: RegisteredApplication,
  login: string,
  resource: string,
  verifier: string,
): Promise<string> {
  const browser = new HttpBrowser((url) => url.href.startsWith(redirectUri));
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid profile mcp:use',
    resource,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const signIn = await browser.get(`${issuer}/auth?${query.toString()}`);
  const consent = await browser.submit(signIn, '/login', { login, password: login });
  const { url } = await browser.submit(consent, '/confirm');
  const code = url.searchParams.get('code');
  if (code === null) throw new Error(`no code: ${url.searchParams.get('error')}`);
  return code;
}
