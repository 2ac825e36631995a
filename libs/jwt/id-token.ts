import { applicationOf, isMachine } from './application.js';
import { audiencesOf } from './audience.js';
import type { Refusal } from './caller.js';
import { type Claims, readClaim } from './claim.js';
import type { Check, Examined } from './check.js';
import { mediaType } from './header-checks.js';
import { scopesOf } from './scopes.js';

// OpenID Connect Core §3.3.2.11 and FAPI: hashes of what was issued beside the ID token.
const hashes = ['at_hash', 'c_hash', 's_hash'];
// Keycloak writes `typ`, Cognito `token_use`, others `token_type`.
const kindClaims = ['typ', 'token_use', 'token_type'];
const otherKinds = new Set([
  'id',
  'id_token',
  'serialized-id',
  'refresh',
  'refresh_token',
  'offline',
  'logout',
  'initialaccesstoken',
  'registrationaccesstoken',
]);
const accessKinds = new Set(['bearer', 'dpop', 'access', 'access_token']);

/**
 * An ID token tells its client who signed in; it is no permission to call anything, even where an admin listed its
 * audience. What is marked as something else than an access token is refused, and so is what nothing marks as one.
 */
export const idTokenCheck: Check = {
  name: 'kind of token',
  value: ({ claims }) => kindClaims.map((name) => claims[name]).find((kind) => kind !== undefined),
  refuse(examined) {
    if (isMarkedOtherwise(examined.claims)) return idToken;
    return isMarkedAccess(examined) || isForeignToItsClient(examined) || isAboutItsClient(examined)
      ? undefined
      : unmarked;
  },
  passes: 'This is an access token.',
};

function isMarkedOtherwise(claims: Claims): boolean {
  return (
    hashes.some((name) => Object.hasOwn(claims, name)) ||
    kindsOf(claims).some((kind) => otherKinds.has(kind))
  );
}

function isMarkedAccess({ header, claims }: Examined): boolean {
  const typed = typeof header.typ === 'string' && mediaType(header.typ) === 'application/at+jwt';
  // No ID token has scopes. Older Keycloak copies `nonce` into access tokens, so a nonce alone proves nothing.
  return (
    typed || scopesOf(claims) !== undefined || kindsOf(claims).some((kind) => accessKinds.has(kind))
  );
}

// `azp` proves nothing: it is the ID token's own claim, and Google's differs from `aud` there.
const accessTokenClients = ['client_id', 'appid', 'cid'];

/** It names its client as access tokens do and is addressed to somebody else, as no ID token is. */
function isForeignToItsClient({ claims }: Examined): boolean {
  const client = accessTokenClients
    .map((name) => claims[name])
    .find((value) => typeof value === 'string');
  const aud = audiencesOf(claims.aud) ?? [];
  return (
    client !== undefined &&
    aud.length > 0 &&
    !aud.includes(client) &&
    !Object.hasOwn(claims, 'nonce')
  );
}

function isAboutItsClient({ claims, trust }: Examined): boolean {
  const answer = applicationOf(claims, trust);
  const subject = readClaim(claims, trust.subjectClaim);
  return (
    'application' in answer &&
    typeof subject === 'string' &&
    isMachine(claims, subject, answer.application)
  );
}

function kindsOf(claims: Claims): string[] {
  return kindClaims.flatMap((name) => {
    const kind = claims[name];
    return typeof kind === 'string' ? [kind.toLowerCase()] : [];
  });
}

const idToken: Refusal = {
  reason: 'id-token',
  detail: 'This is an ID token or a refresh token; an access token is expected.',
  fix: 'Send the access_token of the token answer, not the id_token.',
};
const unmarked: Refusal = {
  ...idToken,
  detail: 'Nothing marks this as an access token; an ID token looks the same.',
  fix: 'Have the issuer use typ at+jwt (RFC 9068) or put scopes into access tokens, and ask for an audience other than the client itself.',
};
