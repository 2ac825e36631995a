import { applicationOf } from './application.js';
import { audiencesOf, isMeantFor } from './audience.js';
import type { Refusal } from './caller.js';
import { readClaim } from './claim.js';
import type { Check, Examined } from './check.js';
import { idTokenCheck } from './id-token.js';
import { timeChecks } from './time-checks.js';

const maxSubjectLength = 512;

const senderConstraint: Check = {
  name: 'cnf',
  // RFC 9449 §7.1, RFC 8705 §3: a bound token presented without its proof is a stolen one.
  refuse: ({ claims }) => (Object.hasOwn(claims, 'cnf') ? senderConstrained : undefined),
  passes: 'The token is a plain bearer token.',
};

const audienceCheck: Check = {
  name: 'aud',
  value: ({ claims }) => claims.aud,
  refuse({ claims, acceptable, trust }) {
    const aud = audiencesOf(claims.aud);
    if (aud === undefined)
      return claims.aud === undefined ? noAudience(acceptable.values) : invalidAudience;
    return isMeantFor(aud, acceptable, trust) ? undefined : wrongAudience(acceptable.values);
  },
  passes: 'The token was issued for this place.',
};

const applicationCheck: Check = {
  name: 'application',
  value: ({ claims, trust }) => valueOf(applicationOf(claims, trust)),
  refuse({ claims, trust }) {
    const answer = applicationOf(claims, trust);
    return 'refusal' in answer ? answer.refusal : undefined;
  },
  passes: 'The token says which application it was issued to.',
};

const subjectCheck: Check = {
  name: 'subject',
  value: subjectOf,
  refuse(examined) {
    // RFC 7519 §4.1.2: whatever claim identifies the person, a `sub` that is there is a string.
    if (examined.claims.sub !== undefined && !isSubject(examined.claims.sub)) return invalidSub;
    return isSubject(subjectOf(examined)) ? undefined : noSubject(examined.trust.subjectClaim);
  },
  passes: 'The token says who it is about.',
};

/** Rules that a made-up token may be told by: they cost little, and what they say is what anybody may know. */
export const openClaimChecks: readonly Check[] = [
  senderConstraint,
  ...timeChecks,
  idTokenCheck,
  audienceCheck,
];

/** The rules for the claims, in the order in which the verifier applies them. */
export const claimChecks: readonly Check[] = [...openClaimChecks, applicationCheck, subjectCheck];

/** Byte-exact identity: nothing is trimmed or folded, and what Postgres or a log could not hold is refused. */
function isSubject(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= maxSubjectLength &&
    /^[^\p{Cc}\p{Cs}]+$/u.test(value)
  );
}

function subjectOf({ claims, trust }: Examined): unknown {
  return readClaim(claims, trust.subjectClaim);
}

function valueOf(answer: ReturnType<typeof applicationOf>): string | undefined {
  return 'application' in answer ? answer.application : undefined;
}

const keycloakMapper =
  'In Keycloak: a client scope with a mapper of type Audience whose included custom audience is one of them, assigned to the client; name the scope in baseScopes.';

function noAudience(values: readonly string[]): Refusal {
  return {
    reason: 'audience',
    detail: 'The token has no audience.',
    fix: `Have the issuer put one of these into aud: ${values.join(', ')}. ${keycloakMapper}`,
  };
}

function wrongAudience(values: readonly string[]): Refusal {
  return {
    reason: 'audience',
    detail: 'The token was issued for another audience.',
    fix: `Have the issuer put one of these into aud: ${values.join(', ')}; or list the value that it does use in audiences of this issuer, if only tokens for this gateway carry it (account and the client's own id do not qualify). ${keycloakMapper}`,
  };
}

function noSubject(subjectClaim: string): Refusal {
  return {
    reason: 'subject',
    detail: 'The claim that identifies the person is missing or not a short non-empty string.',
    fix: `subjectClaim of this issuer is ${subjectClaim}: have the issuer put it into access tokens and ID tokens alike, or name another claim.`,
  };
}

const invalidSub: Refusal = {
  reason: 'subject',
  detail: 'The claim sub is not a short non-empty string.',
};
const invalidAudience: Refusal = {
  reason: 'invalid-claim',
  detail: 'The claim aud is not a string or a list of strings.',
};
const senderConstrained: Refusal = {
  reason: 'sender-constrained',
  detail: 'The token is bound to a key (cnf) and cannot be used as a bearer token.',
  fix: 'Turn DPoP and certificate-bound tokens off for this client.',
};
