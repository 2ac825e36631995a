import type { CallRequest, CallResponse } from '../connection/exchange.js';

const exposed =
  'www-authenticate, retry-after, ratelimit, ratelimit-policy, location, etag, link, mcp-session-id, mcp-protocol-version';
const preflightSeconds = '600';

/**
 * CORS for a browser origin that the operator allows (Fetch §3.2). Answers a preflight itself and says so;
 * other responses only get their headers.
 */
export function answerCors(request: CallRequest, response: CallResponse, origin: string): boolean {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'origin');
  response.setHeader('access-control-expose-headers', exposed);
  const { 'access-control-request-method': method, 'access-control-request-headers': headers } =
    request.headers;
  if (request.method !== 'OPTIONS' || method === undefined) return false;
  response.setHeader('access-control-allow-methods', method);
  if (headers !== undefined) response.setHeader('access-control-allow-headers', headers);
  response.setHeader('access-control-max-age', preflightSeconds);
  response.writeHead(204).end();
  return true;
}
