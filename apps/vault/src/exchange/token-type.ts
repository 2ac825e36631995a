import type { Upstream } from '../registry/domain/upstream.js';

/** RFC 8693 §2.2.1: `N_A` where it does not go into Authorization as a bearer token. */
export function tokenTypeFor({ header, scheme, query }: Upstream['inject']): string {
  const isBearer = header.toLowerCase() === 'authorization' && scheme === 'Bearer';
  return isBearer && query === undefined ? 'Bearer' : 'N_A';
}
