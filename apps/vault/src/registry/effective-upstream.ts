import type { OAuthClient } from './domain/oauth-client.js';
import { bearer, type Upstream, type UpstreamDocument } from './domain/upstream.js';
import { filledTemplateOf } from './effective-oauth-client.js';
import type { Stored } from './registry-snapshot.js';

/** With the header that its provider's API wants, unless the document names one. */
export function effectiveUpstream(
  document: UpstreamDocument,
  oauthClient: (slug: string) => Stored<OAuthClient> | undefined,
): Upstream {
  const { credential, inject } = document;
  const client = credential.type === 'oauth' ? oauthClient(credential.oauthClient) : undefined;
  const wanted = client && filledTemplateOf(client.document)?.inject;
  const { header, scheme } = inject ?? wanted ?? bearer;
  const extra = { ...wanted?.extra, ...inject?.extra };
  const inserted = {
    ...{ header, scheme },
    ...(inject?.query === undefined ? {} : { query: inject.query }),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
  return Object.freeze({ ...document, inject: inserted });
}
