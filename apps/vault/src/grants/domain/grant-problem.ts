import type { GrantStatus } from './grant.js';

/** What is known of a grant when somebody asks why it does not work. */
export interface GrantFacts {
  readonly status: GrantStatus;
  readonly reason: string | null;
  readonly since: Date;
  /** Null where the person brought the token. */
  readonly oauthClient: string | null;
  readonly refreshable: boolean;
  readonly accessTokenExpiresAt: Date | null;
  /** No stored access token is valid any more. */
  readonly ended: boolean;
  readonly rejectedAt: Date | null;
  /** Scopes that calls need and this person was never asked for. */
  readonly missingScopes: readonly string[];
  readonly refresh: RefreshFacts;
  /** What every request to this provider meets; null while it answers. */
  readonly provider: RefreshFacts | null;
}

/** Attempts that came to nothing. `error` is `code: detail` of a provider's failure. */
export interface RefreshFacts {
  readonly failures: number;
  readonly error: string | null;
  readonly since: Date | null;
  readonly lastAttemptAt: Date | null;
  readonly nextAttemptAt: Date | null;
}

/** Why a grant does not serve, or soon will not, in words for administrators. */
export interface GrantProblem {
  readonly code:
    | 'invalid_grant'
    | 'restored_backup'
    | 'suspended'
    | 'provider_failing'
    | 'misconfigured'
    | 'expired'
    | 'rejected_by_upstream'
    | 'scope_missing';
  readonly detail: string;
  readonly since: Date | null;
  readonly lastAttemptAt: Date | null;
  readonly nextAttemptAt: Date | null;
  readonly failures: number;
  /** What to do about it. */
  readonly fix: string;
}

type Told = Pick<GrantProblem, 'code' | 'detail' | 'fix'>;

/** The first that stands in the way; null for a grant that works, and for one that was ended on purpose. */
export function grantProblem(facts: GrantFacts): GrantProblem | null {
  if (facts.status === 'revoked') return null;
  if (facts.status === 'needs_consent')
    return problem(needsPerson(facts.reason), facts.since, facts.refresh);
  if (facts.refresh.failures > 0)
    return problem(failing(facts, facts.refresh), facts.refresh.since, facts.refresh);
  if (facts.ended && facts.refreshable && facts.provider !== null)
    return problem(failing(facts, facts.provider), facts.provider.since, facts.provider);
  if (facts.ended && !facts.refreshable)
    return problem(
      facts.oauthClient === null ? expiredBrought : expired,
      facts.accessTokenExpiresAt,
      facts.refresh,
    );
  if (facts.rejectedAt !== null) {
    const told = facts.oauthClient === null ? rejectedBrought : rejected;
    return problem(told, facts.rejectedAt, facts.refresh);
  }
  if (facts.missingScopes.length > 0)
    return problem(scopeMissing(facts.missingScopes), null, facts.refresh);
  return null;
}

function problem(told: Told, since: Date | null, attempts: RefreshFacts): GrantProblem {
  const { lastAttemptAt, nextAttemptAt, failures } = attempts;
  return { ...told, since, lastAttemptAt, nextAttemptAt, failures };
}

const askedAtNextCall = 'Nothing: the next call asks the person to connect again.';

function needsPerson(reason: string | null): Told {
  if (reason === 'invalid_grant')
    return {
      code: 'invalid_grant',
      detail:
        'The provider no longer accepts the refresh token (invalid_grant): the person or the provider ended the access, or it expired there.',
      fix: askedAtNextCall,
    };
  if (reason === 'restored_backup')
    return {
      code: 'restored_backup',
      detail:
        'The refresh token came back with a restored backup, and the provider had replaced or ended it since.',
      fix: askedAtNextCall,
    };
  return {
    code: 'suspended',
    detail: reason ?? 'The registration was changed.',
    fix: `${askedAtNextCall} If the change was a mistake, undoing it does not bring the consent back.`,
  };
}

function failing(facts: GrantFacts, { error }: RefreshFacts): Told {
  const [, code, detail = ''] = /^(\w+): (.*)$/s.exec(error ?? '') ?? [];
  const served = meanwhile(facts);
  if (code === 'misconfigured') return misconfigured(facts.oauthClient ?? '', detail, served);
  return {
    code: 'provider_failing',
    detail: `${providerWords(detail)} ${served}`,
    fix: 'Nothing here: it is tried again by itself, and nobody is asked to connect again. Look at the provider’s status if it lasts.',
  };
}

function meanwhile({ ended, accessTokenExpiresAt: until }: GrantFacts): string {
  if (ended) return 'Calls are refused with 503 until then.';
  if (until === null) return 'Calls are served with the stored token.';
  return `Calls are served with the stored token until ${until.toISOString()}.`;
}

function misconfigured(oauthClient: string, detail: string, served: string): Told {
  const error = /\b[a-z]+(?:_[a-z]+)+\b/.exec(detail)?.[0];
  const what = error === undefined ? '' : ` (${error})`;
  return {
    code: 'misconfigured',
    detail: `The provider refuses our registration, oauth client "${oauthClient}"${what}. ${served}`,
    fix: `Correct ${error === 'invalid_client' ? 'clientId, clientSecret or clientAuth' : 'the registration'} of oauth client "${oauthClient}", here or at the provider; POST /admin/v1/oauth-clients/${oauthClient}/test tells more. The grant then goes on by itself.`,
  };
}

// What is quoted is a status, or a sentence of our own that names an origin.
function providerWords(detail: string): string {
  const status = /^(\d{3})\b/.exec(detail)?.[1];
  if (status === '429') return 'The provider limits our requests (429).';
  if (status !== undefined && status !== '200') return `The provider answers ${status}.`;
  const origin = /^https?:\/\/[^\s/]+: [a-zA-Z ]+$/.exec(detail)?.[0];
  if (origin !== undefined) return `The provider cannot be reached: ${origin}.`;
  return 'What the provider answers cannot be used.';
}

const expired: Told = {
  code: 'expired',
  detail: 'The access token has ended, and the provider gave no refresh token.',
  fix: `${askedAtNextCall} For a refresh token many providers want the scope offline_access or a parameter: see the oauth client’s scopes and authorizeParams.`,
};

const rejected: Told = {
  code: 'rejected_by_upstream',
  detail: 'The upstream refuses even a fresh token, although the provider still issues them.',
  fix: 'Check that the account may use the upstream, and the credential’s resource and scopes. A call asks the person to connect again, at most once an hour.',
};

const expiredBrought: Told = {
  code: 'expired',
  detail: 'The token that the person brought has expired.',
  fix: 'Nothing: the next call asks the person for another.',
};

const rejectedBrought: Told = {
  code: 'rejected_by_upstream',
  detail: 'The upstream refuses the token that the person brought.',
  fix: 'Nothing: a call asks the person for another, at most once an hour. Check that the account may use the upstream.',
};

function scopeMissing(scopes: readonly string[]): Told {
  return {
    code: 'scope_missing',
    detail: `Calls now need what this person was never asked for: ${scopes.join(' ')}.`,
    fix: 'Nothing: the next call asks the person for it. Or take it out of the credential’s scopes.',
  };
}
