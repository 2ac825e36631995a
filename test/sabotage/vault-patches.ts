import type { Patch } from './patch.js';

const grants = 'apps/vault/src/grants';
const exchange = 'apps/vault/src/exchange';
const machineClients = 'apps/vault/src/machine-clients';

const refreshGrant = `${grants}/refresh-grant.spec.ts`;
const leavers = 'apps/vault/src/leavers/leavers.spec.ts';
const exchangeSpec = `${exchange}/exchange.spec.ts`;

/** What the vault keeps, and to whom it gives it: rows 32 to 40. */
export const vaultPatches: readonly Patch[] = [
  {
    name: "skip the application's consent",
    row: '8, an application poses as another',
    file: `${exchange}/exchange-token.ts`,
    find: 'if (consented === undefined || !covers(consented, settled.target.scopes))',
    replace: 'if (false)',
    spec: exchangeSpec,
    test: 'a second application of the same person is asked',
  },
  {
    name: 'exchange for upstreams that are not listed',
    row: '32, confused deputy',
    file: `${exchange}/exchange-target.ts`,
    find: "client.upstreams === '*' ||",
    replace: 'true ||',
    spec: exchangeSpec,
    test: 'row 32, confused deputy at the exchange a foreign upstream',
  },
  {
    name: "exchange a program's own token",
    row: '32, confused deputy',
    file: `${exchange}/exchange-subject.ts`,
    find: 'if (caller.machine)',
    replace: 'if (false)',
    spec: exchangeSpec,
    test: 'row 32, confused deputy at the exchange a program’s own token',
  },
  {
    name: 'no advisory lock',
    row: 'R2, one refresh in flight',
    file: 'apps/vault/src/database/postgres-advisory-locks.ts',
    find: "if (await this.#ask('pg_try_advisory_lock', name))",
    replace: 'if (true)',
    spec: refreshGrant,
    test: '40 callers at each of two replicas and one expired grant: one refresh',
  },
  {
    name: 'store a refresh over whatever is there',
    row: 'R3, no resurrection after a revoke',
    file: `${grants}/postgres-refresh-store.ts`,
    find: 'WHERE ${grantIs} AND g.token_version = $4\n       RETURNING',
    replace: 'WHERE ${grantIs} AND $4::float8 > 0\n       RETURNING',
    spec: refreshGrant,
    test: 'revoke during a refresh, 60 races',
  },
  {
    name: 'end a grant on any error',
    row: '39, misjudged errors',
    file: `${grants}/refresh-grant.ts`,
    find: "return answer.code === 'invalid_grant'",
    replace: 'return true',
    spec: refreshGrant,
    test: '503: the grant survives and works again',
  },
  {
    name: 'no AAD',
    row: '37, swapped ciphertexts',
    file: 'libs/sealing/message.ts',
    find: 'return bytes;',
    replace: 'return Buffer.alloc(0);',
    spec: exchangeSpec,
    test: 'row 37, ciphertext swap: another person’s ciphertext in my row does not open',
  },
  {
    name: 'log a token',
    row: '40, leaks by logs',
    file: `${grants}/refresh-grant.ts`,
    find: "this.#log('grant.refreshed', attempt, {",
    replace:
      "this.#log('grant.refreshed', attempt, { oauthClient: answer.tokens.accessToken.reveal(),",
    spec: refreshGrant,
    test: 'row 40, log leaks: no token of the run stands in the log',
  },
  {
    name: 'print a token past the logger',
    row: '40, leaks by logs',
    file: `${exchange}/answer-with-token.ts`,
    find: 'access_token: token.reveal(),',
    replace: 'access_token: (process.stdout.write(token.reveal()), token.reveal()),',
    spec: `${exchange}/process-output.spec.ts`,
    test: 'row 40, log leaks: no token that was sent or handed out is printed past the log',
  },
  {
    name: 'log without the mask',
    row: '40, leaks by logs',
    file: 'libs/observability/loggable.ts',
    find: "if (typeof value === 'string') return loggableText(value, name);",
    replace: "if (typeof value === 'string') return value;",
    spec: 'libs/observability/logger.spec.ts',
    test: 'row 40, log leaks: a opaque token in a sentence is not written',
  },
  {
    name: 'take an assertion made for another server',
    row: '35, an assertion used elsewhere',
    file: `${machineClients}/verify-client-assertion.ts`,
    find: 'if (named !== audience)',
    replace: 'if (false)',
    spec: `${machineClients}/machine-clients.spec.ts`,
    test: 'row 35, assertions: refuses one for another audience',
  },
  {
    name: 'hand out a token without its audit record',
    row: 'R10, nothing without its record',
    file: `${exchange}/hand-outs.ts`,
    find: 'await this.#records.add(record);',
    replace: 'void this.#records.add(record).catch(() => undefined);',
    spec: exchangeSpec,
    test: 'R10: without its audit record no token leaves',
  },
  {
    name: 'let in who has left',
    row: 'leavers, refused although their issuer signs',
    file: 'apps/vault/src/bars/postgres-bar.ts',
    find: 'if (await isBarred(tx, person))',
    replace: 'if (false)',
    spec: leavers,
    test: 'one call a person who left is refused although the issuer still signs tokens',
  },
  {
    name: 'bar a person without waiting for what is on its way',
    row: 'leavers, nothing is missed',
    file: 'apps/vault/src/bars/postgres-bar.ts',
    find: "'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))'",
    replace: "'SELECT hashtextextended($1, 0)'",
    spec: leavers,
    test: 'one call waits for a consent that is on its way, and ends it',
  },
  {
    name: 'open SCIM to the token of another issuer',
    row: '38, missing authorization',
    file: 'apps/vault/src/scim/postgres-scim-services.ts',
    find: 'WHERE t.hash = $1 AND t.issuer_id = $2',
    replace: 'WHERE t.hash = $1 AND $2::uuid IS NOT NULL',
    spec: 'apps/vault/src/scim/scim.spec.ts',
    test: 'row 38, admin authorisation: the SCIM service answers GET Users to its own token only',
  },
];
