import type { IssuerConfig, UpstreamConfig } from '#lib/contract/config-snapshot';
import { claimedIssuers, decoded } from '#lib/jwt/claimed-issuers';
import type { CallRequest } from '../connection/exchange.js';

/** The names that tokens of our own issuers bear, of the vault's too. */
export interface KnownIssuers {
  readonly issuers: readonly Pick<IssuerConfig, 'issuer' | 'alsoIssuedAs' | 'formerly'>[];
  readonly signInIssuer?: string | undefined;
}

export type BroughtToken =
  | { readonly kind: 'token'; readonly token: string }
  /** What to do instead, as a public sentence that repeats nothing of what was sent. */
  | { readonly kind: 'refused'; readonly detail: string };

const mostBytes = 16 * 1024;

/**
 * The upstream token that a caller brought in the header that `upstream` names for that; undefined without one.
 * What opens this gateway, or could, is never passed on: an upstream that got it would be the caller here (row 20).
 */
export function broughtToken(
  { headers, headersDistinct }: Pick<CallRequest, 'headers' | 'headersDistinct'>,
  upstream: Pick<UpstreamConfig, 'name' | 'callerHeader'>,
  inboundToken: string,
  known: KnownIssuers,
): BroughtToken | undefined {
  const { callerHeader: name } = upstream;
  if (name === undefined || headers[name] === undefined) return undefined;
  const [value = '', ...others] = headersDistinct[name] ?? [];
  if (others.length > 0) return refused(`Send ${name} once.`);
  if (!/^[\x21-\x7e]+$/.test(value) || value.length > mostBytes)
    return refused(
      `${name} must hold the token of ${upstream.name} alone: up to 16 KB of visible ASCII, without a scheme before it.`,
    );
  if (holds(value, inboundToken))
    return refused(
      `${name} holds the token that you signed in with here. It is for a token of ${upstream.name}.`,
    );
  const issuers = claimedIssuers(value);
  if (issuers === undefined || issuers.some((issuer) => isKnown(issuer, known)))
    return refused(
      `${name} holds a token that may open this gateway, which is never passed on. It is for a token of ${upstream.name}.`,
    );
  return { kind: 'token', token: value };
}

function holds(value: string, inboundToken: string): boolean {
  return value.includes(inboundToken) || decoded(value).includes(inboundToken);
}

function isKnown(issuer: string, { issuers, signInIssuer }: KnownIssuers): boolean {
  const claimed = plain(issuer);
  const names = issuers.flatMap((one) => [
    one.issuer,
    ...one.alsoIssuedAs,
    ...(one.formerly ?? []).map((former) => former.issuer),
  ]);
  return [...names, ...(signInIssuer === undefined ? [] : [signInIssuer])].some(
    (name) => plain(name) === claimed,
  );
}

// Stricter than verification is: what only nearly is one of ours is none of theirs either.
function plain(issuer: string): string {
  return issuer.trim().toLowerCase().replace(/\/+$/, '');
}

function refused(detail: string): BroughtToken {
  return { kind: 'refused', detail };
}
