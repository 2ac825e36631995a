import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { topClaim } from '#lib/jwt/claim';

type Ruled = Pick<UpstreamConfig, 'access' | 'tools'>;

/** The top-level claims that any rule of any upstream reads; of a token's other claims nothing has to be kept. */
export function askedClaims(upstreams: readonly Ruled[]): ReadonlySet<string> {
  const names = upstreams.flatMap(({ access, tools }) =>
    [access, ...Object.values(tools?.rules ?? {})].flatMap(({ claims }) => Object.keys(claims)),
  );
  return new Set(names.map(topClaim));
}
