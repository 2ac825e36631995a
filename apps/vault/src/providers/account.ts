import type { UpstreamAccount } from './token-set.js';

const nameClaims = ['preferred_username', 'email', 'name', 'nickname'];

/** Who the claims of an ID token or of userinfo are about; undefined without a usable `sub`. */
export function accountFrom(
  claims: Readonly<Record<string, unknown>>,
): UpstreamAccount | undefined {
  const { sub } = claims;
  if (typeof sub !== 'string' || sub === '') return undefined;
  const names = nameClaims.map((claim) => claims[claim]);
  const name = names.find((value): value is string => typeof value === 'string' && value !== '');
  return { subject: sub, name: name?.slice(0, 200) };
}
