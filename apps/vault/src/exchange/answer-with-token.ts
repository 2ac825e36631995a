import { accessTokenType, proofKey, type TokenAnswer } from '#lib/contract/exchange';
import type { AccessTokenResult } from '../grants/access-token-for.js';
import type { ExchangeTarget } from './exchange-target.js';
import { extraHeaders } from './extra-headers.js';

type Served = Extract<AccessTokenResult, { ok: true }>;

// Told where the server names no lifetime: asking again costs little.
const assumedSeconds = 300;

/** RFC 8693 §2.2.1; `now` in epoch seconds. */
export function answerWithToken(target: ExchangeTarget, served: Served, now: number): TokenAnswer {
  const { token, stored, grant } = served;
  const { expiresAt, grantedScopes } = stored;
  const granted = grantedScopes.length > 0 ? grantedScopes : grant.grantedScopes;
  const left = expiresAt === undefined ? assumedSeconds : expiresAt - now;
  return {
    access_token: token.reveal(),
    issued_token_type: accessTokenType,
    token_type: tokenType(target, served),
    expires_in: Math.max(Math.floor(left), 1),
    ...(granted.length > 0 ? { scope: granted.join(' ') } : {}),
    grant_id: grant.id,
    grant_version: grant.version,
    ...bindingOf(target, served),
    ...extraHeaders(target.upstream.document.inject.extra, grant.metadata),
  };
}

// RFC 8693 §2.2.1: N_A where it does not go into Authorization as a bearer token.
function tokenType({ upstream }: ExchangeTarget, { dpopKey }: Served): string {
  if (dpopKey !== undefined) return 'DPoP';
  const { header, scheme } = upstream.document.inject;
  return header.toLowerCase() === 'authorization' && scheme === 'Bearer' ? 'Bearer' : 'N_A';
}

function bindingOf({ holder }: ExchangeTarget, { dpopKey }: Served) {
  if (dpopKey === undefined) return {};
  const jwk = proofKey.parse(JSON.parse(dpopKey.reveal()));
  return { dpop: { jwk, required: holder.oauthClient?.document.dpop === 'always' } };
}
