import type { UpstreamConfig } from '#lib/contract/config-snapshot';

/** An upstream that takes each person's own token. */
export function personalUpstream(
  slug: string,
  type: 'http' | 'mcp',
  url: string,
  more: Partial<UpstreamConfig> = {},
): UpstreamConfig {
  return {
    ...{ slug, name: slug, type, url },
    access: { scopes: [], claims: {} },
    credential: { type: 'oauth', scopes: ['read'] },
    inject: { header: 'authorization', scheme: 'Bearer' },
    discovery: false,
    timeoutMs: 10_000,
    ...more,
  };
}
