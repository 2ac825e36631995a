import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { readBody } from './local-server.js';

export type Endpoint = 'discovery' | 'jwks' | 'authorize' | 'token' | 'revoke' | 'userinfo';

/** One request as it came. */
export interface RecordedRequest {
  readonly endpoint: Endpoint;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Form or query parameters. */
  readonly parameters: URLSearchParams;
}

const endpoints: Readonly<Record<string, Endpoint>> = {
  '/.well-known/openid-configuration': 'discovery',
  '/.well-known/oauth-authorization-server': 'discovery',
  '/jwks': 'jwks',
  '/authorize': 'authorize',
  '/token': 'token',
  '/revoke': 'revoke',
  '/userinfo': 'userinfo',
};

/** Reads a request whole; undefined: no endpoint of ours. */
export async function recordRequest(
  request: IncomingMessage,
): Promise<RecordedRequest | undefined> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const endpoint = endpoints[url.pathname];
  const body = await readBody(request);
  if (endpoint === undefined) return undefined;
  const parameters = new URLSearchParams(request.method === 'POST' ? body : url.search);
  return {
    endpoint,
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    headers: request.headers,
    body,
    parameters,
  };
}
