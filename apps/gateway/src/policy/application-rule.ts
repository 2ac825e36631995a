import type { ApplicationConfig, IssuerConfig } from '#lib/contract/config-snapshot';

export type ApplicationDecision = 'known' | 'unknown' | 'blocked' | 'refused';

/**
 * Whether an application of an issuer may call at all. An exact client id goes before patterns; among
 * patterns a block goes before a permission.
 */
export function decideApplication(
  clientId: string,
  issuer: Pick<IssuerConfig, 'slug' | 'unknownApplications'>,
  applications: readonly ApplicationConfig[],
): ApplicationDecision {
  const ours = applications.filter((application) => application.issuer === issuer.slug);
  const exact = ours.filter((application) => application.clientId === clientId);
  const matching =
    exact.length > 0 ? exact : ours.filter(({ pattern }) => matches(pattern, clientId));
  if (matching.some(({ trust }) => trust === 'blocked')) return 'blocked';
  if (matching.length > 0) return 'known';
  return issuer.unknownApplications === 'refuse' ? 'refused' : 'unknown';
}

// `*` stands for any run of characters. The pieces in between are looked for from left to right, which is
// linear; a regular expression with several stars would not be.
function matches(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return false;
  const [head = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === text;
  const tail = rest.pop() ?? '';
  if (!text.startsWith(head) || !text.endsWith(tail)) return false;
  const end = text.length - tail.length;
  let from = head.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, from);
    if (found < 0 || found + piece.length > end) return false;
    from = found + piece.length;
  }
  return from <= end;
}
