import { matchesPattern } from '#lib/access/name-pattern';
import { mayVouch } from '#lib/access/vouching-pattern';
import type { ApplicationConfig, IssuerConfig } from '#lib/contract/config-snapshot';

export type ApplicationDecision = 'known' | 'unknown' | 'blocked' | 'refused';

/**
 * Whether an application of an issuer may call at all. An exact client id goes before patterns; among
 * patterns a block goes before a permission, and none makes a client known that anybody could be.
 */
export function decideApplication(
  clientId: string,
  issuer: Pick<IssuerConfig, 'slug' | 'unknownApplications'>,
  applications: readonly ApplicationConfig[],
): ApplicationDecision {
  const ours = applications.filter((application) => application.issuer === issuer.slug);
  const exact = ours.filter((application) => application.clientId === clientId);
  const matching =
    exact.length > 0 ? exact : ours.filter((application) => isMatch(application, clientId));
  if (matching.some(({ trust }) => trust === 'blocked')) return 'blocked';
  if (matching.length > 0) return 'known';
  return issuer.unknownApplications === 'refuse' ? 'refused' : 'unknown';
}

function isMatch({ pattern = '', trust }: ApplicationConfig, clientId: string): boolean {
  if (trust !== 'blocked' && !mayVouch(pattern, clientId)) return false;
  return pattern !== '' && matchesPattern(pattern, clientId);
}
