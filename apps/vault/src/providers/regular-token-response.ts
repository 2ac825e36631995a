import type { CustomFetchOptions } from 'openid-client';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import { ProviderRefused } from './provider-refused.js';
import { judgeTokenAnswer } from './token-answer.js';

export interface TokenResponseRules {
  /** Epoch seconds. */
  readonly now: number;
  readonly binding: OAuthClient['dpop'];
  /** False where no issuer is known to compare an ID token with. */
  readonly keepsIdToken: boolean;
}

/** A token endpoint's answer as openid-client may see it. Throws ProviderRefused. */
export async function regularTokenResponse(
  response: Response,
  { headers, body: request }: CustomFetchOptions,
  { now, binding, keepsIdToken }: TokenResponseRules,
): Promise<Response> {
  const { status } = response;
  const body = await response.text();
  const proven = headers['dpop'] !== undefined;
  const kept = nonceOf(response);
  // RFC 9449 §8: nothing was used up; openid-client asks once more with this nonce.
  if (proven && kept['dpop-nonce'] && asksForNonce(status, body))
    return Response.json({ error: 'use_dpop_nonce' }, { status, headers: kept });
  const judged = judgeTokenAnswer(
    {
      status,
      contentType: response.headers.get('content-type'),
      retryAfter: response.headers.get('retry-after'),
      body,
    },
    now,
    !proven ? ['Bearer'] : binding === 'always' ? ['DPoP'] : ['DPoP', 'Bearer'],
  );
  if (!judged.ok) throw new ProviderRefused(judged);
  const isRedemption =
    request instanceof URLSearchParams && request.get('grant_type') === 'authorization_code';
  // An ID token of a refresh or an exchange is not used; judging it could only lose the tokens beside it.
  const keeps = isRedemption && keepsIdToken;
  const answer = keeps ? judged.body : { ...judged.body, id_token: undefined };
  return Response.json(answer, { headers: kept });
}

/** A challenge in the header would hide the OAuth error that stands in the body; one for a nonce stands alone. */
export function withoutChallenge(response: Response): Response {
  const headers = new Headers(response.headers);
  if (headers.get('www-authenticate')?.includes('use_dpop_nonce') !== true)
    headers.delete('www-authenticate');
  return new Response(response.body, { status: response.status, headers });
}

function nonceOf({ headers }: Response): Record<string, string> {
  const nonce = headers.get('dpop-nonce');
  return nonce === null ? {} : { 'dpop-nonce': nonce };
}

function asksForNonce(status: number, body: string): boolean {
  return (status === 400 || status === 401) && /"error"\s*:\s*"use_dpop_nonce"/.test(body);
}
