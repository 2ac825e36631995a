import type { FieldError } from '#lib/problem/problem';
import type { RegistryDocuments } from './collection.js';
import type { UpstreamDocument } from './upstream.js';
import { credentialReferences } from './upstream-credential.js';

/** RFC 9449 §7.1: a token that is bound to a key stands in Authorization and nowhere else. */
export function queryRules(document: UpstreamDocument, others: RegistryDocuments): FieldError[] {
  if (document.inject?.query === undefined) return [];
  const named = credentialReferences(document)
    .filter(({ collection }) => collection === 'oauth-clients')
    .map(({ slug }) => slug);
  const bound = others['oauth-clients'].filter(
    ({ slug, dpop }) => dpop === 'always' && typeof slug === 'string' && named.includes(slug),
  );
  const detail =
    'The tokens of its oauth client are bound to a key (dpop: always) and cannot stand in a query. Leave query out, or set dpop to never there.';
  return bound.length === 0 ? [] : [{ pointer: '/inject/query', code: 'conflict', detail }];
}

export function queryWarnings({ inject }: UpstreamDocument): readonly string[] {
  if (inject?.query === undefined) return [];
  return [
    'inject.query: addresses are logged in many places on their way. Use a header if the service takes one, and a credential that can be replaced soon.',
  ];
}
