import type { CalledUrl } from './collection.js';
import type { Credential } from './upstream-credential.js';

/** Whether the person, or a page of the company's own, brings the token: no authorization server stands between. */
export function isBrought(
  given: Credential,
): given is Extract<Credential, { type: 'user-token' | 'external' }> {
  return given.type === 'user-token' || given.type === 'external';
}

/** Where a pasted token is tried. */
export function checkUrls(given: Credential): CalledUrl[] {
  if (given.type !== 'user-token' || given.check === undefined) return [];
  return [{ pointer: '/credential/check/url', url: given.check.url }];
}

/** What people agreed to. What a page says about where to get a token may be worded better at any time. */
export function agreedTo(given: Credential): Credential {
  return given.type === 'user-token' ? { ...given, instructions: '' } : given;
}
