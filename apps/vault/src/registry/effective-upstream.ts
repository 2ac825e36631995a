import { templateNamed } from '../templates/catalogue.js';
import type { OAuthClient } from './domain/oauth-client.js';
import { bearer, type Upstream, type UpstreamDocument } from './domain/upstream.js';
import type { Stored } from './registry-snapshot.js';

/** With the header that its provider's API wants, unless the document names one. */
export function effectiveUpstream(
  document: UpstreamDocument,
  oauthClient: (slug: string) => Stored<OAuthClient> | undefined,
): Upstream {
  const { credential, inject } = document;
  const client = credential.type === 'oauth' ? oauthClient(credential.oauthClient) : undefined;
  const template = client?.document.template;
  const wanted = template === undefined ? undefined : templateNamed(template)?.inject;
  const { header, scheme } = inject ?? wanted ?? bearer;
  return Object.freeze({ ...document, inject: { header, scheme } });
}
