import { agreedTo, checkUrls } from './brought-credential.js';
import type { Collection, Effect } from './collection.js';
import { canonicalJson } from './json.js';
import { egressFaults } from './egress-faults.js';
import { policyRules, policyWarnings } from './policy-rules.js';
import { queryRules, queryWarnings } from './query-rules.js';
import { signInRules, signInWarnings } from './sign-in-rules.js';
import { bearer, upstream, type UpstreamDocument } from './upstream.js';
import {
  credentialReferences,
  credentialSecrets,
  secretsOfCredentials,
} from './upstream-credential.js';

export const upstreams: Collection<UpstreamDocument> = {
  name: 'upstreams',
  noun: 'upstream',
  schema: upstream,
  secrets: credentialSecrets,
  secretsOf: secretsOfCredentials,
  immutable: {},
  guarded: [],
  notYet: () => [],
  references: credentialReferences,
  calledUrls: ({ url, credential }) => [{ pointer: '/url', url }, ...checkUrls(credential)],
  effects: (before, after) => effects(before, after),
  // Row 34: whoever may move an upstream must not thereby receive its secrets.
  reentered: (before, after) => (isMoved(before, after) ? secretsOfCredentials(after) : []),
  rules: (document, others) => [
    ...signInRules(document),
    ...queryRules(document, others),
    ...policyRules(document),
    ...egressFaults(document),
  ],
  warnings: (document) => [
    ...signInWarnings(document),
    ...queryWarnings(document),
    ...policyWarnings(document),
  ],
  secretFault,
};

// As a header carries it (RFC 9110 §5.5), without the scheme before it.
function secretFault(value: string): string | undefined {
  return /^[\x21-\x7e]+$/.test(value)
    ? undefined
    : 'Must be visible ASCII without spaces; a scheme such as Basic belongs to inject.scheme.';
}

// Row 10: people agreed to this destination and to this way of using their account.
function effects(before: UpstreamDocument, after: UpstreamDocument): Effect[] {
  const moved = isMoved(before, after);
  const changed =
    canonicalJson([before.inject ?? bearer, agreedTo(before.credential)]) !==
    canonicalJson([after.inject ?? bearer, agreedTo(after.credential)]);
  if (!moved && !changed) return [];
  const what = moved ? 'address' : 'credential';
  return [{ kind: 'void-consents', reason: `The ${what} of this upstream was changed.` }];
}

function isMoved(before: UpstreamDocument, after: UpstreamDocument): boolean {
  return new URL(before.url).origin !== new URL(after.url).origin;
}
