import type { Outbound } from '#lib/outbound/outbound';
import { discoverResource } from '../registry/discover-resource.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import { fail, type OAuthClientCheck, pass } from './oauth-client-check.js';

const name = 'resource-metadata';

/** Whether the MCP server still names the authorization server that was chosen. */
export async function resourceMetadataCheck(
  outbound: Outbound,
  { discoverFrom = '', discoverFallback, issuer, endpoints }: OAuthClient,
): Promise<OAuthClientCheck> {
  const found = await discoverResource(outbound, discoverFrom);
  if (!found.ok)
    return found.why === 'absent' && discoverFallback !== undefined
      ? pass(
          name,
          'The MCP server has no metadata; its origin is taken, as revision 2025-03-26 has it.',
        )
      : fail(name, found.detail, 'Correct discoverFrom, or give issuer without it.');
  if (endpoints !== undefined || (issuer !== undefined && found.issuers.includes(issuer)))
    return pass(name, 'The MCP server names the authorization server that is used here.');
  return fail(
    name,
    'The MCP server names another authorization server than the one that was chosen here. It is not followed.',
    'If that is right, put its name into issuer; connections are then suspended.',
  );
}
