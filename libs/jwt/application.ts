import type { Refusal } from './caller.js';
import { type Claims, readClaim } from './claim.js';
import type { IssuerTrust } from './issuer-trust.js';
import { scopesOf } from './scopes.js';

/** RFC 9068, OpenID Connect and Keycloak, Entra v1, Okta: in this order. */
const clientClaims = ['client_id', 'azp', 'appid', 'cid'] as const;

export type ApplicationAnswer = { readonly application: string } | { readonly refusal: Refusal };

/** The client id that the token was issued to. All claims that name one must agree. */
export function applicationOf(claims: Claims, trust: IssuerTrust): ApplicationAnswer {
  const names = trust.clientClaim === undefined ? clientClaims : [trust.clientClaim];
  const found = names.map((name) => readClaim(claims, name)).filter((value) => value !== undefined);
  const [first] = found;
  if (found.some((value) => !isClientId(value))) return { refusal: unreadable };
  if (!isClientId(first)) return { refusal: missing };
  return found.every((value) => value === first) ? { application: first } : { refusal: conflict };
}

/** Whether the token is about its client rather than a person; each line is one issuer's way of saying so. */
export function isMachine(claims: Claims, subject: string, application: string): boolean {
  const { sub, oid, tid, idtyp, gty, preferred_username: username } = claims;
  return (
    subject === application ||
    sub === application ||
    // Entra: the optional claim idtyp; without it a service principal's sub is its oid, a person's never is.
    idtyp === 'app' ||
    (typeof tid === 'string' &&
      oid !== undefined &&
      oid === sub &&
      scopesOf(claims) === undefined) ||
    // Auth0.
    gty === 'client-credentials' ||
    sub === `${application}@clients` ||
    // Keycloak gives a service account a user of its own, with a random sub.
    username === `service-account-${application.toLowerCase()}`
  );
}

function isClientId(value: unknown): value is string {
  return typeof value === 'string' && /^[\x20-\x7e]{1,512}$/.test(value);
}

const missing: Refusal = {
  reason: 'application',
  detail: 'The token does not say which application it was issued to.',
  fix: 'Have the issuer add client_id or azp, or name the claim that holds the client id in clientClaim.',
};
const unreadable: Refusal = {
  ...missing,
  detail: 'The client id in the token is not a short string.',
};
const conflict: Refusal = {
  reason: 'application-conflict',
  detail: 'The token names different applications.',
  fix: 'client_id, azp, appid and cid must agree where more than one is present; else name the right one in clientClaim.',
};
