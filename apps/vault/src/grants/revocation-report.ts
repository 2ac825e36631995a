import type { RemainingToken, RevocationReport } from './grants.js';
import type { StoredGrant } from './postgres-grant-row.js';
import type { OwedRevocation, RevocationEnd } from './postgres-revocation-store.js';

export interface Revoked {
  readonly owed: OwedRevocation;
  readonly answer: RevocationEnd | 'pending';
}

interface Revocation {
  /** As it was before it ended. */
  readonly grant: StoredGrant;
  readonly revoked: readonly Revoked[];
  /** Owed from now on, or still from before. */
  readonly pending: readonly OwedRevocation[];
  readonly unreadable: boolean;
  readonly leftAlone: boolean;
}

type AtProvider = RevocationReport['atProvider'];

const details: Record<AtProvider, string> = {
  revoked: 'The provider has confirmed that the tokens are no longer valid.',
  'not-supported':
    'Symbolon has forgotten the tokens. The provider offers no way to revoke them; its own account settings may.',
  failed:
    'Symbolon uses the tokens no more, but the provider did not confirm the revocation. It is asked again for about three days; its own account settings may remove the access sooner.',
  'nothing-to-revoke': 'There was no token left to revoke.',
};

const unreadableDetail =
  'The stored tokens cannot be opened, so the provider could not be told. Remove the access in its own account settings.';

/** What ending a grant achieved, and what of it stays valid until when. */
export function reportOf(revocation: Revocation): RevocationReport {
  const { grant, revoked, pending, unreadable } = revocation;
  if (revocation.leftAlone) return reportOfBrought(grant);
  const atProvider = unreadable ? 'failed' : summaryOf(revoked.map(({ answer }) => answer));
  return {
    grantId: grant.id,
    atProvider,
    detail: unreadable ? unreadableDetail : details[atProvider],
    retrying: pending.length > 0,
    remaining: [
      ...pending.map(askedAgain),
      ...revoked.flatMap(({ owed, answer }) =>
        answer === 'not-supported' ? [forgotten(owed)] : [],
      ),
      ...handedOut(grant),
    ],
  };
}

// RFC 7009 is for tokens that an authorization server issued to us; this one only its owner can end.
function reportOfBrought({ id, accessTokenExpiresAt }: StoredGrant): RevocationReport {
  return {
    grantId: id,
    atProvider: 'not-supported',
    detail:
      'Symbolon has forgotten the token. The person brought it, so only they or an administrator of the service can revoke it there.',
    retrying: false,
    remaining: [
      {
        token: 'access_token',
        validUntil: accessTokenExpiresAt ?? null,
        detail: 'It is valid until it is revoked at the service.',
      },
    ],
  };
}

/** The least that was achieved. */
function summaryOf(answers: readonly Revoked['answer'][]): AtProvider {
  if (answers.length === 0) return 'nothing-to-revoke';
  if (answers.some((answer) => answer === 'pending' || answer === 'failed')) return 'failed';
  return answers.includes('not-supported') ? 'not-supported' : 'revoked';
}

function askedAgain({ tokenKind: token, validUntil }: OwedRevocation): RemainingToken {
  return {
    token,
    validUntil,
    detail: 'The provider has not confirmed its end yet, and is asked again.',
  };
}

function forgotten({ tokenKind: token, validUntil }: OwedRevocation): RemainingToken {
  return {
    token,
    validUntil,
    detail:
      'The provider cannot be told to end it. Symbolon was the only one to hold it and has forgotten it.',
  };
}

// Whoever borrowed it may verify it without asking the provider (RFC 7009 §3).
function handedOut({ status, accessTokenExpiresAt: until }: StoredGrant): RemainingToken[] {
  if (status === 'revoked' || until === undefined || until.getTime() <= Date.now()) return [];
  const detail =
    'Copies that were lent to gateways and services may be accepted until then by a service that does not ask the provider. Our gateways drop theirs at once.';
  return [{ token: 'access_token', validUntil: until, detail }];
}
