import type { FieldError } from '#lib/problem/problem';
import {
  type Collection,
  type Effect,
  laterMembers,
  notSupported,
  type Reference,
} from './collection.js';
import { canonicalJson, type JsonObject, valueAt } from './json.js';
import { bearer, upstream, type UpstreamDocument } from './upstream.js';
import { type Credential, oauthClientOf, type ServiceCredential } from './upstream-credential.js';

const laterMember = [
  'prefix',
  'discoveryCredential',
  'publicCredential',
  'callerHeader',
  'tools',
  'toolChanges',
  'egress',
  'limits',
  'consentAtSignIn',
];
const laterCredentials = [
  'user-token',
  'external',
  'token-exchange',
  'client-credentials',
  'static',
];

export const upstreams: Collection<UpstreamDocument> = {
  name: 'upstreams',
  noun: 'upstream',
  schema: upstream,
  secrets: [],
  immutable: {},
  guarded: [],
  notYet: (body) => [
    ...laterMembers(body, laterMember),
    ...laterCredential(body),
    ...laterQuery(body),
  ],
  references: (document) =>
    (['credential', 'discoveryCredential', 'publicCredential'] as const).flatMap((member) =>
      oauthClientReference(member, document[member]),
    ),
  calledUrls: (document) => [{ pointer: '/url', url: document.url }],
  effects: (before, after) => effects(before, after),
  reentered: () => [],
  rules: () => [],
};

function oauthClientReference(
  member: string,
  credential: Credential | ServiceCredential | undefined,
): Reference[] {
  const slug = credential && oauthClientOf(credential);
  const pointer = `/${member}/oauthClient`;
  return slug === undefined ? [] : [{ pointer, collection: 'oauth-clients', slug }];
}

function laterCredential(body: JsonObject): FieldError[] {
  const type = valueAt(body, ['credential', 'type']);
  return typeof type === 'string' && laterCredentials.includes(type)
    ? [notSupported('/credential/type', `credential type ${type}`)]
    : [];
}

function laterQuery(body: JsonObject): FieldError[] {
  return valueAt(body, ['inject', 'query']) === undefined
    ? []
    : [notSupported('/inject/query', 'a credential in the query')];
}

// Row 10: people agreed to this destination and to this way of using their account.
function effects(before: UpstreamDocument, after: UpstreamDocument): Effect[] {
  const moved = new URL(before.url).origin !== new URL(after.url).origin;
  const changed =
    canonicalJson([before.inject ?? bearer, before.credential]) !==
    canonicalJson([after.inject ?? bearer, after.credential]);
  if (!moved && !changed) return [];
  const what = moved ? 'address' : 'credential';
  return [{ kind: 'void-consents', reason: `The ${what} of this upstream was changed.` }];
}
