import { targetProblem } from '#lib/access/raw-target';
import type { CallRequest } from '../connection/exchange.js';
import type { Refusal } from './inbound.js';

const maxHeaders = 200;
const metadataPrefix = '/.well-known/';

/**
 * The checks that come before any token: the raw target, repeated Host and Authorization headers (Node
 * keeps the first and says nothing), and Origin. Public metadata may be read from any origin.
 */
export function malformedRequest(
  request: CallRequest,
  origins: ReadonlySet<string>,
): Refusal | undefined {
  const target = request.url ?? '';
  const problem = targetProblem(target) ?? headersProblem(request.rawHeaders);
  if (problem !== undefined) return refusal(400, 'invalid-request', problem);
  const { origin } = request.headers;
  if (origin === undefined || origins.has(origin) || target.startsWith(metadataPrefix))
    return undefined;
  return refusal(403, 'forbidden', 'Calls from this browser origin are not allowed.');
}

function headersProblem(rawHeaders: readonly string[]): string | undefined {
  if (rawHeaders.length > maxHeaders * 2) return 'The request has too many headers.';
  let hosts = 0;
  let authorizations = 0;
  let origins = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    // Most names are ruled out by their length alone.
    if (name.length === 4) hosts += name.toLowerCase() === 'host' ? 1 : 0;
    else if (name.length === 6) origins += name.toLowerCase() === 'origin' ? 1 : 0;
    else if (name.length === 13) authorizations += name.toLowerCase() === 'authorization' ? 1 : 0;
  }
  if (hosts !== 1) return 'The request must have exactly one Host header.';
  if (authorizations > 1) return 'The request has more than one Authorization header.';
  return origins > 1 ? 'The request has more than one Origin header.' : undefined;
}

function refusal(
  status: 400 | 403,
  code: 'invalid-request' | 'forbidden',
  detail: string,
): Refusal {
  return { ok: false, status, code, detail, headers: {} };
}
