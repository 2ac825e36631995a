import type { Clock } from '#lib/clock/clock';
import { applicationOf, isMachine } from './application.js';
import { type AcceptableAudience, audiencesOf } from './audience.js';
import type { Caller, Refusal, Verification } from './caller.js';
import { readClaim } from './claim.js';
import { claimChecks, openClaimChecks } from './claim-checks.js';
import type { Check, Examined } from './check.js';
import { parseCompactToken } from './compact-token.js';
import { headerChecks } from './header-checks.js';
import { formerName, isIssuedBy, type IssuerTrust, jwksUriOf } from './issuer-trust.js';
import type { JwksCache } from './jwks-cache.js';
import { impliedScopes, scopesOf } from './scopes.js';
import { spokenFor, spokenForCheck } from './sign-in-trust.js';
import { findKey, type FoundKey, refuseForged } from './signature-check.js';
import { always, type AskTurn } from './signature-turn.js';
import { expiresAt } from './time-checks.js';

export interface TokenVerifierDependencies {
  /** The issuers of this moment; asked at each verification. */
  readonly issuers: () => readonly IssuerTrust[];
  readonly keys: JwksCache;
  readonly clock: Clock;
}

const allClaimChecks: readonly Check[] = [...claimChecks, spokenForCheck];

/**
 * Decides whether a caller's access token counts, and what it says. Never throws for a bad token. What costs little comes
 * first: the signature is computed of a token that would be good if it were signed.
 */
export class TokenVerifier {
  constructor(private readonly dependencies: TokenVerifierDependencies) {}

  async verify(
    token: string,
    acceptable: AcceptableAudience,
    turn: AskTurn = always,
  ): Promise<Verification> {
    const { issuers, keys, clock } = this.dependencies;
    const parsed = parseCompactToken(token);
    if ('refusal' in parsed) return refusedBy(parsed.refusal);
    const { iss } = parsed.claims;
    const owner = soleIssuer(issuers(), iss, clock.now());
    if (owner === undefined) return refusedBy(unknownIssuer);
    const trust = { ...owner, jwksUri: jwksUriOf(owner, iss) };
    const { header, claims } = parsed;
    // Member by member: a copy that is grown has a hidden class of its own (V8 11), and here is one for each token.
    const examined: Examined = { header, claims, trust, acceptable, now: clock.now() };
    const early = firstRefusal(headerChecks, examined) ?? firstRefusal(openClaimChecks, examined);
    if (early !== undefined) return refusedBy(early);
    const found = await findKey(header, trust, keys);
    if ('refusal' in found) return refusedBy(found.refusal);
    const refusal =
      (await refuseInTurn(token, found, turn)) ??
      // Time has passed since.
      firstRefusal(allClaimChecks, { ...examined, now: clock.now() });
    return refusal === undefined ? { ok: true, caller: callerOf(examined) } : refusedBy(refusal);
  }
}

async function refuseInTurn(
  token: string,
  found: FoundKey,
  ask: AskTurn,
): Promise<Refusal | undefined> {
  const asked = ask();
  const turn = asked instanceof Promise ? await asked : asked;
  if (turn === undefined) return busy;
  const refusal = await refuseForged(token, found);
  turn.ended(refusal === undefined);
  return refusal;
}

function firstRefusal(checks: readonly Check[], examined: Examined): Refusal | undefined {
  for (const check of checks) {
    const refusal = check.refuse(examined);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Two issuers that claim the same `iss` would make the person ambiguous: then it is nobody's. */
function soleIssuer(
  issuers: readonly IssuerTrust[],
  iss: unknown,
  now: number,
): IssuerTrust | undefined {
  const owners = issuers.filter((trust) => isIssuedBy(trust, iss, now));
  return owners.length === 1 ? owners[0] : undefined;
}

/** Reads what the checks have already found to be there. */
function callerOf({ claims, trust }: Examined): Caller {
  const subject = String(readClaim(claims, trust.subjectClaim));
  const answer = applicationOf(claims, trust);
  const application = 'application' in answer ? answer.application : '';
  const owner = spokenFor(trust, claims) ?? trust;
  return {
    issuer: owner.slug,
    iss: String(claims.iss),
    subject,
    application,
    machine: isMachine(claims, subject, application),
    scopes: impliedScopes(scopesOf(claims) ?? [], owner.scopeHierarchy),
    claims,
    audiences: audiencesOf(claims.aud) ?? [],
    ...(trust.speaksFor === undefined ? {} : { signedInHere: true }),
    issuedAt: Number(claims.iat),
    // Nobody may remember it for longer than the name counts.
    expiresAt: Math.min(expiresAt(claims, trust), formerName(trust, claims.iss)?.until ?? Infinity),
  };
}

/** `fix` is for the admin who explains a token, not for whoever sent it. */
function refusedBy({ reason, detail, transient }: Refusal): Verification {
  return { ok: false, reason, detail, ...(transient === undefined ? {} : { transient }) };
}

const unknownIssuer: Refusal = {
  reason: 'unknown-issuer',
  detail: 'The issuer of the token is not known here.',
};
const busy: Refusal = {
  reason: 'busy',
  detail: 'More tokens are to be verified than can be at the moment. Try again later.',
  transient: true,
};
