import type { IssuerTrust } from './issuer-trust.js';

/** The `aud` values that are good at one place; any one of them suffices. */
export interface AcceptableAudience {
  readonly values: readonly string[];
  /** Whether a value of the issuer's own `audiences` is good as well. */
  readonly issuerAudiences: boolean;
}

/** A path of the gateway that is a resource of its own. */
export type RoutePath = '/mcp' | `/mcp/${string}` | `/http/${string}`;

/** At a route of the gateway: its resource, the gateway as a whole, or what the issuer lists. */
export function routeAudience(publicUrl: string, path: RoutePath): AcceptableAudience {
  return { values: [`${publicUrl}${path}`, ...wholeGateway(publicUrl)], issuerAudiences: true };
}

/** At the exchange: any route of the authenticated gateway that leads to this upstream. */
export function exchangeAudience(publicUrl: string, upstream: string): AcceptableAudience {
  const routes = ['/mcp', `/mcp/${upstream}`, `/http/${upstream}`].map(
    (path) => `${publicUrl}${path}`,
  );
  return { values: [...routes, ...wholeGateway(publicUrl)], issuerAudiences: true };
}

/** Exactly these and none of the issuer's: the admin audience, or a service's own. */
export function onlyAudiences(values: readonly string[]): AcceptableAudience {
  return { values, issuerAudiences: false };
}

/** The one decision, in gateway and vault alike: is a token with these `aud` values meant for this place? */
export function isMeantFor(
  aud: readonly string[],
  acceptable: AcceptableAudience,
  trust: Pick<IssuerTrust, 'audiences'>,
): boolean {
  const good = acceptable.issuerAudiences
    ? [...acceptable.values, ...trust.audiences]
    : acceptable.values;
  return aud.some((value) => value !== '' && good.includes(value));
}

/** `aud` as a list (RFC 7519 §4.1.3); undefined if it is not a string or a non-empty array of strings. */
export function audiencesOf(aud: unknown): readonly string[] | undefined {
  const values: unknown[] = Array.isArray(aud) ? aud : [aud];
  const wellFormed = values.length > 0 && values.every((value) => typeof value === 'string');
  return wellFormed ? (values as string[]) : undefined;
}

// RFC 3986 §6.2.3: without a path both spellings are one URL, and clients that go through a URL parser send the slash.
function wholeGateway(publicUrl: string): readonly string[] {
  const hasPath = new URL(publicUrl).pathname !== '/';
  return hasPath ? [publicUrl] : [publicUrl, `${publicUrl}/`];
}
