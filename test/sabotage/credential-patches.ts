import type { Patch } from './patch.js';

const exchange = 'apps/vault/src/exchange';
const inbound = 'apps/gateway/src/inbound';

/** Credentials that are nobody's own, exchanged or brought: rows 20, 32 and 34. */
export const credentialPatches: readonly Patch[] = [
  {
    name: "show a caller's token to any server",
    row: '32, confused deputy',
    file: `${exchange}/federated-token.ts`,
    find: 'if (!this.#maySee(oauthClient.document, call.subject, credential))',
    replace: 'if (false)',
    spec: `${exchange}/federated-token.spec.ts`,
    test: 'row 32, confused deputy: it is sent to nobody but its issuer',
  },
  {
    name: 'give services what is for lists',
    row: '32, confused deputy',
    file: `${exchange}/service-token.ts`,
    find: "(kind === 'service' && purpose === 'own')",
    replace: "kind === 'service'",
    spec: `${exchange}/service-token.spec.ts`,
    test: 'what is for lists is for gateways alone',
  },
  {
    name: 'pass on a token of an issuer of ours',
    row: '20, token passthrough',
    file: `${inbound}/brought-token.ts`,
    find: 'issuers.some((issuer) => isKnown(issuer, known))',
    replace: 'false',
    spec: `${inbound}/brought-token.spec.ts`,
    test: 'row 20, token passthrough: another of that issuer is refused',
  },
  {
    name: 'let a secret follow its upstream',
    row: '34, moving a secret by editing an endpoint',
    file: 'apps/vault/src/registry/domain/upstream-collection.ts',
    find: 'isMoved(before, after) ? secretsOfCredentials(after) : []',
    replace: '[]',
    spec: 'apps/vault/src/admin/upstream-secrets.spec.ts',
    test: 'row 34, registry takeover: it does not follow an upstream to another origin',
  },
];
