import type { Clock } from '#lib/clock/clock';
import type { Secret } from '#lib/secret/secret';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import { filledTemplateOf } from '../registry/effective-oauth-client.js';
import { template as templateSchema, type Template } from '../templates/template.js';
import type { ClientIdentity } from './client-identity.js';
import type { RequestLimit } from './concurrency-limit.js';
import { NormalisingOutbound, type ProviderOutbound } from './normalising-outbound.js';
import type { Provider } from './provider.js';
import type { ServerMetadataSource } from './server-metadata.js';
import { TemplateCalls } from './template-calls.js';
import { TemplatedProvider } from './templated-provider.js';

export interface ProviderParts {
  readonly client: OAuthClient;
  readonly outbound: ProviderOutbound;
  readonly metadata: ServerMetadataSource;
  readonly identity: () => Promise<ClientIdentity>;
  /** Live values, newest first. */
  readonly secrets: () => Promise<readonly Secret[]>;
  readonly limit: RequestLimit;
  readonly clock: Clock;
}

/** `regular` as it is, or between the normaliser's two sides where the oauth client has a template. */
export function providerOfTemplate(
  parts: ProviderParts,
  regular: (outbound: ProviderOutbound) => Provider,
): Provider {
  const { client, outbound, metadata, clock } = parts;
  const template = templateOf(client);
  if (template === undefined) return regular(outbound);
  const wire = new NormalisingOutbound(outbound, template, client.endpoints?.refresh, clock);
  return new TemplatedProvider({
    regular: regular(wire),
    wire,
    template,
    limit: parts.limit,
    calls: new TemplateCalls({ ...parts, template, server: () => metadata.read() }),
    introspectionEndpoint: client.endpoints?.introspection,
  });
}

function templateOf(client: OAuthClient): Template | undefined {
  const filled = filledTemplateOf(client);
  return filled ?? (client.endpoints?.refresh === undefined ? undefined : plain);
}

/** Endpoints typed in by hand may have one for refreshing too; the rest is the RFCs. */
const plain = templateSchema.parse({
  name: 'plain',
  title: 'Endpoints by hand',
  docs: 'https://www.rfc-editor.org/rfc/rfc6749',
  register: 'A confidential client.',
  scopesHint: 'As its documentation says.',
  quirks: ['none'],
  endpoints: { authorization: 'https://unused.invalid', token: 'https://unused.invalid' },
});
