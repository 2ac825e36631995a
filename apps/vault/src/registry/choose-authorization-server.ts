import type { Outbound } from '#lib/outbound/outbound';
import { type CheckedDocument, refused } from './checked-document.js';
import { discover } from './discover-issuer.js';
import { discoverResource, type ResourceDiscovery } from './discover-resource.js';
import type { JsonObject } from './domain/json.js';
import type { OAuthClientDocument } from './domain/oauth-client-document.js';

type OAuthClientJson = OAuthClientDocument & JsonObject;
type Found = Extract<ResourceDiscovery, { ok: true }>;

/**
 * Writes the authorization server of `discoverFrom` into the document. Once written it stays: metadata that names
 * another one later is not followed, or whoever holds the MCP server would choose where secrets and people go.
 */
export async function chooseAuthorizationServer(
  outbound: Outbound,
  document: OAuthClientJson,
  before: OAuthClientJson | undefined,
): Promise<CheckedDocument> {
  if (document.discoverFrom === undefined) return accepted(document);
  const pinned = pinnedChoice(document, before);
  const found = await discoverResource(outbound, document.discoverFrom);
  if (found.ok) return choose(document, pinned, found);
  if (found.why === 'absent' && document.discoverFallback !== undefined)
    return chooseAtOrigin(outbound, document, pinned);
  if (found.why === 'unreachable' && pinned !== undefined)
    return { ...accepted({ ...document, ...pinned }), warnings: [found.detail] };
  const code = found.why === 'unreachable' ? 'discovery-failed' : 'discovery-invalid';
  return refused(document, { pointer: '/discoverFrom', code, detail: found.detail });
}

type Choice = Pick<OAuthClientDocument, 'issuer' | 'endpoints' | 'resource'>;

/** What stands in the document, or did when the same was saved before. */
function pinnedChoice(
  { discoverFrom, issuer, endpoints, resource }: OAuthClientJson,
  before: OAuthClientJson | undefined,
): Choice | undefined {
  const same = before?.discoverFrom === discoverFrom ? before : undefined;
  if (issuer !== undefined || endpoints !== undefined)
    return { issuer, endpoints, resource: resource ?? same?.resource };
  if (same === undefined) return undefined;
  return { issuer: same.issuer, endpoints: same.endpoints, resource: resource ?? same.resource };
}

function choose(
  document: OAuthClientJson,
  pinned: Choice | undefined,
  { issuers, resource }: Found,
): CheckedDocument {
  const names = issuers.slice(0, 10).map((one) => JSON.stringify(one.slice(0, 300)));
  // Endpoints typed in are the administrator's own word.
  if (pinned?.endpoints !== undefined) return accepted({ ...document, ...pinned, resource });
  if (document.resource !== undefined && document.resource !== resource)
    return refused(document, {
      pointer: '/resource',
      code: 'resource-mismatch',
      detail: `The MCP server calls itself ${JSON.stringify(resource)}. Leave resource out.`,
    });
  const issuer = pinned?.issuer ?? (issuers.length === 1 ? issuers[0] : undefined);
  if (issuer === undefined)
    return refused(document, {
      pointer: '/issuer',
      code: 'ambiguous',
      detail: `The MCP server trusts several authorization servers. Choose one as issuer: ${names.join(', ')}.`,
    });
  if (issuers.includes(issuer)) return accepted({ ...document, issuer, resource });
  const detail = `The MCP server now names ${names.join(', ')} as its authorization server, not ${JSON.stringify(issuer)}. If that is right, give it as issuer: its connections are then suspended.`;
  return refused(document, { pointer: '/issuer', code: 'authorization-server-moved', detail });
}

/** Revision 2025-03-26: the authorization server is at the origin of the MCP server, by metadata or by default paths. */
async function chooseAtOrigin(
  outbound: Outbound,
  document: OAuthClientJson,
  pinned: Choice | undefined,
): Promise<CheckedDocument> {
  const resource = document.discoverFrom;
  if (pinned !== undefined) return accepted({ ...document, ...pinned, resource });
  const { origin } = new URL(document.discoverFrom ?? '');
  const found = await discover(outbound, origin, 'mcp');
  if (found.ok) return accepted({ ...document, issuer: origin, resource });
  if (found.unreachable)
    return refused(document, {
      pointer: '/discoverFrom',
      code: 'discovery-failed',
      detail: found.detail,
    });
  const endpoints = {
    authorization: `${origin}/authorize`,
    token: `${origin}/token`,
    registration: `${origin}/register`,
  };
  return accepted({ ...document, endpoints, resource });
}

function accepted(document: OAuthClientJson): CheckedDocument {
  const members = Object.entries(document).filter(([, value]) => value !== undefined);
  return { document: Object.fromEntries(members) as JsonObject, errors: [], warnings: [] };
}
