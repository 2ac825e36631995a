import type { Patch } from './patch.js';

const server = 'apps/vault/src/authorization-server';
const spec = `${server}/attacks.spec.ts`;

/** The vault as an authorization server. */
export const signInPatches: readonly Patch[] = [
  {
    name: 'redeem a code whose consent is gone',
    row: '4, consent bypass',
    file: `${server}/public-client-tokens.ts`,
    find: 'if (stands) return undefined;',
    replace: 'return undefined;',
    spec,
    test: 'is worth nothing once its consent is withdrawn',
  },
  {
    name: 'give a code to a client that was removed',
    row: '8, confused deputy',
    file: `${server}/finish-sign-in.ts`,
    find: 'if (isSelfRegistered(signIn.clientId) && !isRegistered) return false;',
    replace: '',
    spec,
    test: 'a client that is removed while its sign-in is under way gets no code',
  },
  {
    name: 'vouch for whoever publishes a document',
    row: '8, confused deputy',
    file: 'libs/access/vouching-pattern.ts',
    find: "if (host === undefined || host.endsWith('*') || !URL.canParse(clientId)) return false;",
    replace: "if (host === undefined || !URL.canParse(clientId)) return pattern !== '';",
    spec: 'libs/access/vouching-pattern.spec.ts',
    test: '* of https://evil.example/client.json: false',
  },
  {
    name: 'register people where workloads come from',
    row: '10, registry takeover',
    file: 'apps/vault/src/registry/domain/issuer-collection.ts',
    find: '...workloadConflicts(document, others),',
    replace: '',
    spec: 'apps/vault/src/machine-clients/machine-clients.spec.ts',
    test: 'row 10, registry takeover: no issuer of people is made',
  },
  {
    name: 'bring sign-ins of clients back with a backup',
    row: 'R3, ended stays ended',
    file: 'migrations/mark-restored.ts',
    find: '`UPDATE client_session SET ended_at = now() WHERE ended_at IS NULL`,',
    replace: '',
    spec,
    test: 'R3, a restored backup: what was ended or used after it',
  },
];
