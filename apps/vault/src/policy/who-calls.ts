import type { Clock } from '#lib/clock/clock';
import { isMachine } from '#lib/jwt/application';
import { type AcceptableAudience, exchangeAudience } from '#lib/jwt/audience';
import type { Caller, Verification } from '#lib/jwt/caller';
import { parseCompactToken } from '#lib/jwt/compact-token';
import { type Explanation, explainToken } from '#lib/jwt/explain';
import { isIssuedBy, type IssuerTrust } from '#lib/jwt/issuer-trust';
import type { JwksCache } from '#lib/jwt/jwks-cache';
import { impliedScopes } from '#lib/jwt/scopes';
import type { TokenVerifier } from '#lib/jwt/token-verifier';
import { Problem } from '#lib/problem/problem';
import { trustedIssuers } from '../registry/issuer-trust.js';
import type { Registry, RegistrySnapshot } from '../registry/registry-snapshot.js';
import type { DescribedCaller, PolicyQuestion } from './policy-question.js';

/** Who calls, as far as rules see it; a subject only where one is known. */
export interface Who extends Pick<
  Caller,
  'issuer' | 'application' | 'machine' | 'scopes' | 'claims'
> {
  readonly subject: string | undefined;
}

/** `who` undefined: nobody, or a token that does not count. */
export interface Calling {
  readonly who: Who | undefined;
  /** How a pasted token was judged; never the token. */
  readonly token?: {
    readonly issuer: string | null;
    readonly accepted: boolean;
    readonly detail?: string;
    readonly checks: readonly Explanation[];
  };
}

export interface WhoCallsParts {
  readonly registry: Registry;
  readonly verifier: TokenVerifier;
  readonly keys: JwksCache;
  readonly clock: Clock;
  readonly publicUrl: string;
}

/** Reads who calls out of a pasted token, as gateways would, or of a description. Keeps nothing. */
export class WhoCalls {
  constructor(private readonly parts: WhoCallsParts) {}

  /** Throws Problem where the description names an issuer that there is not. */
  async read({ token, caller, upstream }: PolicyQuestion): Promise<Calling> {
    if (token !== undefined) return this.#verified(token.trim(), upstream);
    return { who: caller && this.#described(caller) };
  }

  #described({ issuer, application, subject, scopes, claims }: DescribedCaller): Who {
    const found = this.parts.registry.current().issuer(issuer)?.document;
    if (found === undefined) {
      const detail = `There is no issuer "${issuer}".`;
      throw new Problem('validation-failed', detail, {
        errors: [{ pointer: '/caller/issuer', code: 'unknown-reference', detail }],
      });
    }
    const machine = isMachine(claims, subject ?? '', application);
    const all = impliedScopes(scopes, found.scopeHierarchy);
    return { issuer, application, subject, machine, scopes: all, claims };
  }

  async #verified(token: string, upstream: string): Promise<Calling> {
    const { verifier, registry, keys, clock } = this.parts;
    const acceptable = routesTo(registry.current(), upstream);
    const trust = this.#issuerOf(token);
    const checks = trust ? await explainToken(token, { trust, acceptable, keys, clock }) : [];
    const verification = await verifier.verify(token, acceptable);
    return {
      who: verification.ok ? verification.caller : undefined,
      token: {
        issuer: trust === undefined || trust.slug === '' ? null : trust.slug,
        accepted: verification.ok,
        ...detailOf(verification),
        checks,
      },
    };
  }

  #issuerOf(token: string): IssuerTrust | undefined {
    const { registry, clock, publicUrl } = this.parts;
    const parsed = parseCompactToken(token);
    if ('refusal' in parsed) return undefined;
    const { iss } = parsed.claims;
    return trustedIssuers(registry.current(), publicUrl).find((one) =>
      isIssuedBy(one, iss, clock.now()),
    );
  }
}

function detailOf(verification: Verification): { detail?: string } {
  return verification.ok ? {} : { detail: verification.detail };
}

/** Where this upstream is reached: through any gateway that serves it. */
function routesTo({ machineClients }: RegistrySnapshot, upstream: string): AcceptableAudience {
  const values = machineClients.flatMap(({ document: { publicUrl, upstreams } }) =>
    publicUrl !== undefined && (upstreams === '*' || upstreams.includes(upstream))
      ? exchangeAudience(publicUrl, upstream).values
      : [],
  );
  return { values: [...new Set(values)], issuerAudiences: true };
}
