import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { BorrowedCredential } from './credentials.js';

type Place = Pick<BorrowedCredential, 'header' | 'query'>;

/** Where a token stands in a request to the upstream. */
export function injected(
  token: string,
  { header, scheme, query }: UpstreamConfig['inject'],
): Place {
  if (query !== undefined) return { header: undefined, query: [query, token] };
  // Joined, so that what is kept of a hundred thousand people is one string each and no tree of its parts.
  const value = scheme === '' ? token : [scheme, token].join(' ');
  return { header: [header.toLowerCase(), value], query: undefined };
}

/** A token that the caller brought: used for this request, kept nowhere. */
export function broughtCredential(
  token: string,
  inject: UpstreamConfig['inject'],
): BorrowedCredential {
  const place = injected(token, inject);
  return { kind: 'credential', ...place, grantId: undefined, brought: true, revocation: undefined };
}
