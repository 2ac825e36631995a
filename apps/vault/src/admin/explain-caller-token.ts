import type { Clock } from '#lib/clock/clock';
import { type AcceptableAudience, exchangeAudience } from '#lib/jwt/audience';
import { type Explanation, explainToken } from '#lib/jwt/explain';
import type { JwksCache } from '#lib/jwt/jwks-cache';
import { Problem } from '#lib/problem/problem';
import { issuerTrust } from '../registry/issuer-trust.js';
import type { Registry, RegistrySnapshot } from '../registry/registry-snapshot.js';

export interface TokenExplanation {
  readonly issuer: string;
  /** Whether a caller with this token would be let in. */
  readonly accepted: boolean;
  readonly checks: readonly Explanation[];
}

/** Says claim by claim what the product makes of a pasted token. Keeps nothing of it. */
export class ExplainCallerToken {
  constructor(
    private readonly registry: Registry,
    private readonly keys: JwksCache,
    private readonly clock: Clock,
  ) {}

  /** Without an audience: as if presented where any upstream is called through any gateway. Throws Problem. */
  async explain(
    slug: string,
    { token, audience }: { token: string; audience?: string },
  ): Promise<TokenExplanation> {
    const registry = this.registry.current();
    const stored = registry.issuer(slug);
    const trust = stored && issuerTrust(stored.document);
    if (trust === undefined) throw new Problem('not-found', `There is no issuer "${slug}".`);
    const acceptable =
      audience === undefined ? anyRoute(registry) : { values: [audience], issuerAudiences: true };
    const { keys, clock } = this;
    const checks = await explainToken(token, { trust, acceptable, keys, clock });
    return { issuer: slug, accepted: checks.every(({ status }) => status !== 'fail'), checks };
  }
}

function anyRoute({ machineClients, upstreams }: RegistrySnapshot): AcceptableAudience {
  const values = machineClients.flatMap(({ document: { publicUrl } }) =>
    publicUrl === undefined
      ? []
      : upstreams.flatMap(({ document }) => exchangeAudience(publicUrl, document.slug).values),
  );
  return { values: [...new Set(values)], issuerAudiences: true };
}
