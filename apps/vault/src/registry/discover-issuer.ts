import { z } from 'zod';
import type { Outbound } from '#lib/outbound/outbound';
import { OutboundError } from '#lib/outbound/outbound-error';

const timeoutMs = 5_000;
const names = z.array(z.string()).optional();

const metadata = z.object({
  issuer: z.string(),
  jwks_uri: z.string().optional(),
  authorization_endpoint: z.string().optional(),
  token_endpoint: z.string().optional(),
  revocation_endpoint: z.string().optional(),
  registration_endpoint: z.string().optional(),
  pushed_authorization_request_endpoint: z.string().optional(),
  require_pushed_authorization_requests: z.boolean().optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
  client_id_metadata_document_supported: z.boolean().optional(),
  subject_types_supported: names,
  code_challenge_methods_supported: names,
  dpop_signing_alg_values_supported: names,
  grant_types_supported: names,
  scopes_supported: names,
  token_endpoint_auth_methods_supported: names,
  token_endpoint_auth_signing_alg_values_supported: names,
});
export type IssuerMetadata = z.output<typeof metadata>;

export type Discovery =
  | { readonly ok: true; readonly metadata: IssuerMetadata }
  | { readonly ok: false; readonly unreachable: boolean; readonly detail: string };

/** `openid`: OpenID Connect Discovery first. `mcp`: the order of MCP's authorization specification. */
export type DiscoveryOrder = 'openid' | 'mcp';

/** The metadata of an authorization server by its issuer; `detail` is public and quotes nothing of the answer. */
export async function discover(
  outbound: Pick<Outbound, 'request'>,
  issuer: string,
  order: DiscoveryOrder = 'openid',
): Promise<Discovery> {
  for (const address of metadataAddresses(issuer, order)) {
    const found = await ask(outbound, issuer, address);
    if (found !== 'absent') return found;
  }
  return failed(
    `${new URL(issuer).origin} has no metadata for this issuer. Check its exact spelling.`,
  );
}

/** Where the metadata of an issuer may stand, in the order in which to look. */
export function metadataAddresses(issuer: string, order: DiscoveryOrder): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const appended = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  // RFC 8414 §3.1: inserted between host and path.
  const oauth = `${origin}/.well-known/oauth-authorization-server${path}`;
  const inserted = `${origin}/.well-known/openid-configuration${path}`;
  const all = order === 'openid' ? [appended, oauth] : [oauth, inserted, appended];
  return [...new Set(all)];
}

async function ask(
  outbound: Pick<Outbound, 'request'>,
  issuer: string,
  address: string,
): Promise<Discovery | 'absent'> {
  try {
    const answer = await outbound.request(address, {
      headers: { accept: 'application/json' },
      timeoutMs,
    });
    if (answer.status === 404) return 'absent';
    if (answer.status >= 500 || answer.status === 429)
      return away(`${address} answered ${answer.status}. Try again when it works.`);
    if (answer.status !== 200)
      return failed(`${address} answered ${answer.status} instead of 200.`);
    return read(answer.body, issuer, address);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    return away(`${error.message}. Check the address, and that this server may reach it.`);
  }
}

function read(body: Buffer, issuer: string, address: string): Discovery {
  const parsed = metadata.safeParse(jsonOf(body));
  if (!parsed.success) return failed(`${address} is not the metadata of an issuer.`);
  // RFC 8414 §3.3, OIDC Discovery §4.3: exactly equal, else somebody else's metadata would be used.
  if (parsed.data.issuer !== issuer)
    return failed(
      `The metadata there calls itself ${JSON.stringify(parsed.data.issuer.slice(0, 300))}. Register exactly that name, byte for byte, if it is the one you mean.`,
    );
  return { ok: true, metadata: parsed.data };
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function failed(detail: string): Discovery {
  return { ok: false, unreachable: false, detail };
}

function away(detail: string): Discovery {
  return { ok: false, unreachable: true, detail };
}
