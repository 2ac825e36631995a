import type { Collection } from './collection.js';
import { type Webhook, webhook } from './webhook.js';

export const webhooks: Collection<Webhook> = {
  name: 'webhooks',
  noun: 'webhook',
  schema: webhook,
  secrets: ['secret'],
  immutable: {},
  guarded: [],
  notYet: () => [],
  references: () => [],
  calledUrls: ({ url }) => [{ pointer: '/url', url }],
  effects: () => [],
  reentered: () => [],
  rules: () => [],
  secretFault,
};

// Standard Webhooks: between 24 and 64 random bytes, base64, behind whsec_.
function secretFault(value: string): string | undefined {
  const encoded = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(
    value,
  )?.[1];
  const bytes = encoded === undefined ? 0 : Buffer.from(encoded, 'base64').length;
  if (bytes >= 24 && bytes <= 64) return undefined;
  return 'Must be whsec_ and 24 to 64 random bytes in base64: echo "whsec_$(openssl rand -base64 32)"';
}
