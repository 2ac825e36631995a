import { z } from 'zod';
import type { Outbound, OutboundAnswer } from '#lib/outbound/outbound';
import { OutboundError } from '#lib/outbound/outbound-error';

const timeoutMs = 5_000;

const metadata = z.object({
  resource: z.string(),
  authorization_servers: z.array(z.string().refine((url) => URL.canParse(url))).default([]),
});

export type ResourceDiscovery =
  | { readonly ok: true; readonly resource: string; readonly issuers: readonly string[] }
  /** `absent`: the server answers, and has no metadata anywhere. */
  | {
      readonly ok: false;
      readonly why: 'unreachable' | 'invalid' | 'absent';
      readonly detail: string;
    };

type Asks = Pick<Outbound, 'request'>;

/**
 * RFC 9728 as MCP uses it: the metadata that the server's challenge names, else the well-known address with the path
 * inserted, else the one at the root. `detail` is public.
 */
export async function discoverResource(outbound: Asks, url: string): Promise<ResourceDiscovery> {
  const challenged = await challengedAddress(outbound, url);
  if (typeof challenged === 'object') return challenged;
  const addresses = [challenged, insertedAddress(url), rootAddress(url)];
  for (const address of new Set(addresses.filter((one) => one !== undefined))) {
    const found = await ask(outbound, url, address);
    if (found !== 'absent') return found;
  }
  const detail = `${new URL(url).origin} does not say which authorization server it trusts (RFC 9728).`;
  return { ok: false, why: 'absent', detail };
}

function insertedAddress(url: string): string {
  const { pathname, search } = new URL(url);
  return `${rootAddress(url)}${pathname.replace(/\/$/, '')}${search}`;
}

function rootAddress(url: string): string {
  return `${new URL(url).origin}/.well-known/oauth-protected-resource`;
}

/** What a call without a token is told (RFC 9728 §5.1). `ping` asks for nothing and begins nothing. */
async function challengedAddress(
  outbound: Asks,
  url: string,
): Promise<string | undefined | ResourceDiscovery> {
  const answer = await quietly(() =>
    outbound.request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
      timeoutMs,
    }),
  );
  if ('why' in answer) return answer;
  if (answer.status !== 401) return undefined;
  const challenge = [answer.headers['www-authenticate']].flat().join(', ');
  const named = /\bresource_metadata\s*=\s*"([^"\\]*)"/i.exec(challenge)?.[1];
  return named !== undefined && URL.canParse(named) ? named : undefined;
}

async function ask(
  outbound: Asks,
  url: string,
  address: string,
): Promise<ResourceDiscovery | 'absent'> {
  const answer = await quietly(() =>
    outbound.request(address, { headers: { accept: 'application/json' }, timeoutMs }),
  );
  if ('why' in answer) return answer;
  const { status } = answer;
  if (status >= 500 || status === 429) return unreachable(`${address} answered ${status}.`);
  if (status !== 200) return 'absent';
  return read(answer.body, url, address);
}

function read(body: Buffer, url: string, address: string): ResourceDiscovery {
  const parsed = metadata.safeParse(jsonOf(body));
  if (!parsed.success) return invalid(`${address} is not the metadata of a protected resource.`);
  const { resource, authorization_servers: issuers } = parsed.data;
  // RFC 9728 §3.3: else a server could have tokens made for somebody else's resource.
  if (!expectedResources(url, address).includes(resource))
    return invalid(
      `The metadata there is about ${JSON.stringify(resource.slice(0, 300))}, not about this URL. Give exactly that URL, if it is the one you mean.`,
    );
  return issuers.length > 0
    ? { ok: true, resource, issuers }
    : invalid(`${address} names no authorization server.`);
}

/** The URL itself; at the root well-known address also the origin that it stands for. */
function expectedResources(url: string, address: string): readonly string[] {
  const { origin, pathname } = new URL(url);
  const ofOrigin = [origin, `${origin}/`];
  return pathname === '/' || address === rootAddress(url) ? [url, ...ofOrigin] : [url];
}

async function quietly(
  request: () => Promise<OutboundAnswer>,
): Promise<OutboundAnswer | Extract<ResourceDiscovery, { ok: false }>> {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    return unreachable(`${error.message}. Check the address, and that this server may reach it.`);
  }
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function invalid(detail: string) {
  return { ok: false, why: 'invalid', detail } as const;
}

function unreachable(detail: string) {
  return { ok: false, why: 'unreachable', detail } as const;
}
