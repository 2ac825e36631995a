import type { Patch } from './patch.js';

const external = 'apps/vault/src/external';
const connect = 'apps/vault/src/connect';

/** Tokens that people and their company's pages bring. */
export const broughtPatches: readonly Patch[] = [
  {
    name: 'take a token for whomever the page names',
    row: '1, somebody else at the page',
    file: `${external}/hand-over-token.ts`,
    find: 'if (!isSamePerson(request, given.subject))',
    replace: 'if (false)',
    spec: `${external}/external.spec.ts`,
    test: 'row 1, another person’s page backend: 403, nothing stored, and a record',
  },
  {
    name: 'take a token from the backend of another upstream',
    row: '32, confused deputy',
    file: `${external}/hand-over-token.ts`,
    find: 'client.upstreams.includes(upstream.document.slug)',
    replace: 'client.upstreams.length > 0',
    spec: `${external}/external.spec.ts`,
    test: 'a backend of another upstream: as if there were nothing',
  },
  {
    name: 'take a token before the person has allowed it',
    row: '4, consent bypass',
    file: `${external}/hand-over-token.ts`,
    find: ' || interaction.allowedVersion !== interaction.version',
    replace: '',
    spec: `${external}/external.spec.ts`,
    test: 'row 4, before Allow: nothing is told and nothing is taken',
  },
  {
    name: 'let the backend of a page exchange',
    row: '32, confused deputy',
    file: 'apps/vault/src/exchange/authenticate-client.ts',
    find: " || client.document.kind === 'external'",
    replace: '',
    spec: `${external}/external.spec.ts`,
    test: 'row 32, other machine clients: a service brings nothing, a backend gets nothing',
  },
  {
    name: 'connect by the word alone where a token is asked for',
    row: '4, consent bypass',
    file: `${connect}/allow-interaction.ts`,
    find: "if (request.way === 'paste') return 'over';",
    replace:
      "if (request.way === 'paste') return (await this.completeConsent.completeIn(tx, { request, version, requestId })) ? 'completed' : 'over';",
    spec: `${connect}/user-token.spec.ts`,
    test: 'row 4, allowing without a token: the word alone connects nothing and starts no trip',
  },
  {
    name: 'keep a token that has expired',
    row: 'tokens that people bring',
    file: 'apps/vault/src/user-tokens/read-token.ts',
    find: 'if (end <= now)',
    replace: 'if (false)',
    spec: `${connect}/user-token.spec.ts`,
    test: 'what is pasted as an expired JWT is refused by name, and the question stays',
  },
];
