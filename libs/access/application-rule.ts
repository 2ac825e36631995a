import type { ApplicationConfig, IssuerConfig } from '#lib/contract/config-snapshot';
import { matchesPattern } from './name-pattern.js';
import { mayVouch } from './vouching-pattern.js';

export type ApplicationDecision = 'known' | 'unknown' | 'blocked' | 'refused';

/** Whether an application of an issuer may call at all. */
export function decideApplication(
  clientId: string,
  issuer: Pick<IssuerConfig, 'slug' | 'unknownApplications'>,
  applications: readonly ApplicationConfig[],
): ApplicationDecision {
  const found = findApplication(clientId, issuer.slug, applications);
  if (found !== undefined) return found.trust;
  return issuer.unknownApplications === 'refuse' ? 'refused' : 'unknown';
}

/**
 * What is registered of an application. An exact client id goes before patterns; among patterns a block goes before a
 * permission, and none makes a client known that anybody could be.
 */
export function findApplication(
  clientId: string,
  issuer: string,
  applications: readonly ApplicationConfig[],
): ApplicationConfig | undefined {
  const ours = applications.filter((application) => application.issuer === issuer);
  const exact = ours.filter((application) => application.clientId === clientId);
  const matching =
    exact.length > 0 ? exact : ours.filter((application) => isMatch(application, clientId));
  return matching.find(({ trust }) => trust === 'blocked') ?? matching[0];
}

function isMatch({ pattern = '', trust }: ApplicationConfig, clientId: string): boolean {
  if (trust !== 'blocked' && !mayVouch(pattern, clientId)) return false;
  return pattern !== '' && matchesPattern(pattern, clientId);
}
