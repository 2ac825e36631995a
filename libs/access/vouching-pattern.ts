import { matchesPattern } from './name-pattern.js';

/** Begins the client id of every application that registered itself at the vault. */
export const selfRegistered = 'self-registered:';

/**
 * Whether a pattern that an admin wrote may make a client of this id known. Of ids that anybody could come by it says
 * nothing: those of clients that registered themselves at the vault, and addresses of clients' own documents, unless
 * the pattern names the website. For the clients of a corporate issuer it was written, and there its issuer gives ids.
 */
export function mayVouch(pattern: string, clientId: string): boolean {
  if (clientId.startsWith(selfRegistered)) return false;
  if (!/^https?:/i.test(clientId)) return true;
  const host = /^https?:\/\/([^/]+)\//.exec(pattern)?.[1];
  // `*` stands for slashes too: what it matches must not reach into the path of another website.
  if (host === undefined || host.endsWith('*') || !URL.canParse(clientId)) return false;
  return matchesPattern(host, new URL(clientId).host);
}
