import { SynchronisedClock } from '#lib/clock/clock';
import { Outbound } from '#lib/outbound/outbound';
import { Secret } from '#lib/secret/secret';
import {
  QuirkAuthorizationServer,
  type QuirkyProvider,
} from '#lib/testing/quirk-authorization-server';
import { type OAuthClient, oauthClient } from '../registry/domain/oauth-client.js';
import { oauthClientDocument } from '../registry/domain/oauth-client-document.js';
import { effective } from '../registry/effective-oauth-client.js';
import type { ProviderOutbound } from './normalising-outbound.js';
import { OpenIdProviders } from './openid-providers.js';
import type { AuthorizationStart, Provider } from './provider.js';
import type { TokenSet } from './token-set.js';

/** What a trip comes to: everything that a person, an administrator and the refresh would notice. */
export interface Trip {
  readonly connected: string;
  /** Seconds, to the minute; 0 where none is known. */
  readonly lifetime?: number;
  readonly scopes?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly account?: string;
  /** `rotated`, `kept` (no new refresh token), `none` (there is none), or the failure. */
  readonly refreshed?: string;
  /** What a dead refresh token is taken for. */
  readonly dead?: string;
  readonly revoked?: string;
  /** What the server then ended. */
  readonly ended?: readonly string[];
}

/** A provider, how it behaves, and what a trip to it must come to. */
export interface QuirkRow {
  readonly template: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** Further members of the oauth client. */
  readonly own?: Readonly<Record<string, unknown>>;
  /** Which scopes are asked for; by default the template's. */
  readonly scopes?: readonly string[];
  readonly provider: QuirkyProvider;
  readonly trip: Trip;
  /** What goes wrong without the template; undefined where a provider is as the RFCs say. */
  readonly without?: Partial<Trip>;
}

/** Not url-safe, as those of several providers: whoever encodes them otherwise is refused. */
export const clientId = 'vault+id=';
const secret = 's/cr+t=%20';

export const base = { clientId, secret };

/** `connected` where the authorization endpoint refuses these parameters. */
export function refusedFor(what: string): string {
  const body = { error: 'invalid_request', error_description: what };
  return `refused: ${JSON.stringify(body)}`;
}

export async function tripOf(row: QuirkRow, withTemplate: boolean): Promise<Trip> {
  const server = await QuirkAuthorizationServer.start(row.provider);
  const network = new Outbound({ mode: 'development', allow: [] });
  const outbound: ProviderOutbound = {
    checkUrl: () => undefined,
    fetch: (input, init) => network.fetch(server.locally(input as string), init),
  };
  try {
    const client = clientOf(row, withTemplate);
    return await travel(providerOf(client, outbound), server, row.scopes ?? client.scopes);
  } finally {
    await network.close();
    await server.stop();
  }
}

function clientOf(
  { template, variables, own: further }: QuirkRow,
  withTemplate: boolean,
): OAuthClient {
  const own = { slug: 'a', name: 'A', clientId, template, variables, ...further };
  const client = effective(oauthClientDocument.parse(own));
  if (withTemplate) return client;
  // By hand: its addresses, its method, its scopes, and nothing of what it is peculiar in.
  const { authorization = '', token = '', revocation, userinfo } = client.endpoints ?? {};
  const where = client.endpoints
    ? { endpoints: { authorization, token, revocation, userinfo } }
    : { issuer: client.issuer };
  const { clientAuth, scopes } = client;
  return oauthClient.parse({ slug: 'a', name: 'A', clientId, clientAuth, scopes, ...where });
}

function providerOf(document: OAuthClient, outbound: ProviderOutbound): Provider {
  const registry = { secrets: () => Promise.resolve([new Secret(secret)]) };
  const clock = new SynchronisedClock();
  const providers = new OpenIdProviders('https://vault.example.com', outbound, registry, clock);
  return providers.of({ id: 'row', version: 1, document });
}

async function travel(
  provider: Provider,
  server: QuirkAuthorizationServer,
  scopes: readonly string[],
): Promise<Trip> {
  const start: AuthorizationStart = {
    state: 'the-state',
    nonce: 'the-nonce',
    codeVerifier: new Secret('v'.repeat(43)),
    scopes,
    resource: undefined,
  };
  const url = await provider.authorizationUrl(start);
  if (!(url instanceof URL)) return { connected: `${url.code}: ${url.detail}` };
  const answer = await fetch(server.locally(url.href), { redirect: 'manual' });
  const location = answer.headers.get('location');
  if (location === null) return { connected: `refused: ${await answer.text()}` };
  const redeemed = await provider.redeem(new URL(location), start);
  if (!redeemed.ok) return { connected: redeemed.code };
  const { tokens } = redeemed;
  const account = await provider.account(tokens);
  return {
    connected: server.isAccess(tokens.accessToken.reveal()) ? 'yes' : 'with another token',
    lifetime: Math.round(((tokens.expiresAt ?? tokens.issuedAt) - tokens.issuedAt) / 60) * 60,
    scopes: tokens.scopes,
    metadata: tokens.metadata ?? {},
    account: `${account?.subject} ${account?.name}`,
    ...(await onwards(provider, server, tokens)),
  };
}

async function onwards(
  provider: Provider,
  server: QuirkAuthorizationServer,
  { refreshToken, accessToken }: TokenSet,
): Promise<Partial<Trip>> {
  if (refreshToken === undefined) {
    const revoked = await provider.revoke(accessToken, 'access_token');
    return { refreshed: 'none', revoked, ended: server.ended };
  }
  const dead = await provider.refresh(new Secret('dead'), {});
  const fresh = await provider.refresh(refreshToken, {});
  if (!fresh.ok) return { refreshed: fresh.code };
  const next = fresh.tokens.refreshToken;
  const isNew = next !== undefined && next.reveal() !== refreshToken.reveal();
  const works = server.isAccess(fresh.tokens.accessToken.reveal());
  const revoked = await provider.revoke(next ?? refreshToken, 'refresh_token');
  return {
    refreshed: works ? (isNew ? 'rotated' : 'kept') : 'to another token',
    dead: dead.ok ? 'fine' : dead.code,
    revoked,
    ended: server.ended,
  };
}
