import { expect, it } from 'vitest';
import { type GrantFacts, grantProblem, type RefreshFacts } from './grant-problem.js';

const at = new Date('2026-01-01T10:00:00Z');
const later = new Date('2026-01-01T11:00:00Z');
const quiet: RefreshFacts = {
  failures: 0,
  error: null,
  since: null,
  lastAttemptAt: null,
  nextAttemptAt: null,
};
const failing = (error: string): RefreshFacts => ({
  failures: 3,
  error,
  since: at,
  lastAttemptAt: at,
  nextAttemptAt: later,
});
const works: GrantFacts = {
  status: 'active',
  reason: null,
  since: at,
  oauthClient: 'snow',
  refreshable: true,
  accessTokenExpiresAt: later,
  ended: false,
  rejectedAt: null,
  missingScopes: [],
  refresh: quiet,
  provider: null,
};

it.each<[string, Partial<GrantFacts>, string | undefined, RegExp]>([
  ['works', {}, undefined, /^$/],
  ['was ended on purpose', { status: 'revoked', refresh: failing('x') }, undefined, /^$/],
  ['works while its provider fails', { provider: failing('transient: 503 x') }, undefined, /^$/],
  ['is refused', { status: 'needs_consent', reason: 'invalid_grant' }, 'invalid_grant', /accepts/],
  ['is suspended', { status: 'needs_consent', reason: 'It was changed.' }, 'suspended', /changed/],
  [
    'fails',
    { refresh: failing('transient: 503 text/html') },
    'provider_failing',
    /answers 503.*T11/,
  ],
  ['is limited', { refresh: failing('transient: 429 slow_down') }, 'provider_failing', /limits/],
  [
    'is not answered',
    { ended: true, refresh: failing('transient: https://idp.example: no answer in time') },
    'provider_failing',
    /https:\/\/idp\.example: no answer in time.*503/,
  ],
  [
    'meets a provider that fails everybody',
    { ended: true, provider: failing('transient: 502 x') },
    'provider_failing',
    /answers 502/,
  ],
  [
    'is of a wrong registration',
    { refresh: failing('misconfigured: 401 invalid_client') },
    'misconfigured',
    /"snow" \(invalid_client\)/,
  ],
  ['has nothing to refresh with', { ended: true, refreshable: false }, 'expired', /no refresh/],
  ['is rejected by its upstream', { rejectedAt: at }, 'rejected_by_upstream', /fresh/],
  ['lacks a scope', { missingScopes: ['write'] }, 'scope_missing', /write/],
])('a grant that %s', (_, change, code, words) => {
  const problem = grantProblem({ ...works, ...change });
  expect(problem?.code).toBe(code);
  expect(problem?.detail ?? '').toMatch(words);
});

it('says since when, how often, when it was and will be tried, and what to do', () => {
  const refresh = failing('misconfigured: 401 invalid_client');
  expect(grantProblem({ ...works, refresh })).toMatchObject({
    since: at,
    lastAttemptAt: at,
    nextAttemptAt: later,
    failures: 3,
    fix: expect.stringContaining('/admin/v1/oauth-clients/snow/test'),
  });
});

it('quotes nothing that a provider may have chosen', () => {
  const refresh = failing('transient: 200 without access_token but error <b>at_secret</b>');
  expect(grantProblem({ ...works, refresh })?.detail).not.toContain('at_secret');
});
