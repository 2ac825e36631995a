import { z } from 'zod';
import type { Outbound } from '#lib/outbound/outbound';
import { OutboundError } from '#lib/outbound/outbound-error';

const timeoutMs = 5_000;

const metadata = z.object({
  issuer: z.string(),
  jwks_uri: z.string().optional(),
  authorization_endpoint: z.string().optional(),
  token_endpoint: z.string().optional(),
  revocation_endpoint: z.string().optional(),
  subject_types_supported: z.array(z.string()).optional(),
  code_challenge_methods_supported: z.array(z.string()).optional(),
  scopes_supported: z.array(z.string()).optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
});
export type IssuerMetadata = z.output<typeof metadata>;

export type Discovery =
  | { readonly ok: true; readonly metadata: IssuerMetadata }
  | { readonly ok: false; readonly unreachable: boolean; readonly detail: string };

/** OpenID Connect Discovery, else RFC 8414; `detail` is public and quotes nothing of the answer. */
export async function discover(outbound: Outbound, issuer: string): Promise<Discovery> {
  const first = await ask(outbound, issuer, openidAddress(issuer));
  if (first !== 'absent') return first;
  const second = await ask(outbound, issuer, oauthAddress(issuer));
  return second === 'absent'
    ? failed(`${new URL(issuer).origin} has no metadata for this issuer. Check its exact spelling.`)
    : second;
}

function openidAddress(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
}

// RFC 8414 §3.1: inserted between host and path.
function oauthAddress(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`;
}

async function ask(
  outbound: Outbound,
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
