import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
  UnauthorizedError as ModernUnauthorized,
} from '@modelcontextprotocol/client';
import type { OAuthDiscoveryState } from '@modelcontextprotocol/client';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type {
  OAuthClientInformationMixed,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HttpBrowser } from '#lib/testing/http-browser';
import { corePieces, TrialStack } from '#lib/testing/trial-stack';
import { until } from '#lib/testing/until';
import { admin } from './trial-caller.js';

const callback = 'http://127.0.0.1:9/callback';

/** What an MCP client keeps of its own sign-in; the browser is the test's. */
class Keeper implements OAuthClientProvider {
  readonly redirectUrl = callback;
  readonly clientMetadata = {
    client_name: 'A client that knows only the address',
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  };
  opened: URL | undefined;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = '';

  clientInformation = () => this.#client;
  saveClientInformation = (client: OAuthClientInformationMixed) => void (this.#client = client);
  tokens = () => this.#tokens;
  saveTokens = (tokens: OAuthTokens) => void (this.#tokens = tokens);
  /** As SDK clients do when their issuer takes a refresh token no more. */
  invalidateCredentials = () => void (this.#tokens = undefined);
  redirectToAuthorization = (url: URL) => void (this.opened = url);
  saveCodeVerifier = (verifier: string) => void (this.#verifier = verifier);
  codeVerifier = () => this.#verifier;
}

class ModernKeeper extends Keeper {
  #discovered: OAuthDiscoveryState | undefined;

  /** SEP-2352: the code is redeemed where the sign-in began. */
  discoveryState = () => this.#discovered;
  saveDiscoveryState = (found: OAuthDiscoveryState) => void (this.#discovered = found);
}

let trial: TrialStack;

beforeAll(async () => {
  trial = await TrialStack.start({ only: [...corePieces, 'snowdemo'] });
});
afterAll(() => trial?.stop());

it('a client that knows only the address finds the issuer, registers, signs its person in and calls', async () => {
  const address = new URL(`${trial.urls.gateway}/mcp/snowdemo`);
  const keeper = new Keeper();
  const first = new StreamableHTTPClientTransport(address, { authProvider: keeper });
  const capabilities = { elicitation: {} };
  const stranger = new Client({ name: 'stranger', version: '1' }, { capabilities });
  await expect(stranger.connect(first)).rejects.toBeInstanceOf(UnauthorizedError);
  expect(keeper.opened?.origin).toBe(trial.urls.corporateIdp);

  const browser = new HttpBrowser((url) => url.href.startsWith(callback));
  const login = await browser.get(keeper.opened ?? '');
  const consent = await browser.submit(login, '/login', { login: 'alice', password: 'alice' });
  const back = await browser.submit(consent, '/confirm');
  await first.finishAuth(back.url.searchParams.get('code') ?? '');
  expect(decodeJwt(keeper.tokens()?.access_token ?? '').aud).toBe(address.href);

  const client = new Client({ name: 'stranger', version: '1' }, { capabilities });
  await client.connect(new StreamableHTTPClientTransport(address, { authProvider: keeper }));
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(['connect_snowdemo']);
  const paused = await client.callTool({ name: 'connect_snowdemo' });
  expect(paused.isError).toBe(true);
  expect(JSON.stringify(paused.content)).toContain(`${trial.urls.vault}/connect/`);
  await client.close();
});

/** Signs in at both providers and allows; the parameters with which the browser comes back. */
async function signInThroughBoth(keeper: Keeper): Promise<URLSearchParams> {
  const browser = new HttpBrowser((url) => url.href.startsWith(callback));
  let page = await browser.get(keeper.opened ?? '');
  const seen: string[] = [];
  for (let step = 0; step < 8 && !page.url.href.startsWith(callback); step += 1) {
    const atUpstream = page.url.origin === trial.urls.upstreamIdp;
    const login = atUpstream ? 'alice@upstream' : 'alice';
    seen.push(`${page.url.origin}${page.url.pathname.replace(/[0-9a-f-]{36}$/, '')}`);
    if (page.body.includes('name="password"'))
      page = await browser.submit(page, '/login', { login, password: login });
    else if (page.body.includes('/confirm"')) page = await browser.submit(page, '/confirm');
    else page = await browser.submit(page, '/sign-in/', { decision: 'allow' });
  }
  expect(seen).toContain(`${trial.urls.vault}/sign-in/`);
  return page.url.searchParams;
}

/** Sign-in at the vault, consent included; resolves once the gateway says so. */
async function consentAtSignIn(): Promise<string[]> {
  const opted = await admin(trial, 'PATCH', 'upstreams/snowdemo', { consentAtSignIn: true });
  expect(opted.status).toBe(200);
  const metadata = `${trial.urls.gateway}/.well-known/oauth-protected-resource/mcp/snowdemo`;
  const servers = async () => {
    const answer = (await (await fetch(metadata)).json()) as { authorization_servers: string[] };
    return answer.authorization_servers;
  };
  await until(async () => (await servers())[0] === trial.urls.vault, { seconds: 10 });
  return servers();
}

it('consent before the first call: a client that cannot elicit signs in once and is served, and again after a disconnect', async () => {
  const address = new URL(`${trial.urls.gateway}/mcp/snowdemo`);
  expect(await consentAtSignIn()).toEqual([trial.urls.vault, trial.urls.corporateIdp]);

  const keeper = new Keeper();
  const first = new StreamableHTTPClientTransport(address, { authProvider: keeper });
  const connecting = new Client({ name: 'plain', version: '1' }).connect(first);
  await expect(connecting).rejects.toBeInstanceOf(UnauthorizedError);
  expect(keeper.opened?.origin).toBe(trial.urls.vault);
  await first.finishAuth((await signInThroughBoth(keeper)).get('code') ?? '');
  const minted = decodeJwt(keeper.tokens()?.access_token ?? '');
  expect(minted).toMatchObject({ iss: trial.urls.vault, aud: address.href });

  const client = new Client({ name: 'plain', version: '1' });
  const transport = new StreamableHTTPClientTransport(address, { authProvider: keeper });
  await client.connect(transport);
  const served = await client.callTool({ name: 'whoami' });
  expect(served.isError ?? false).toBe(false);
  expect(JSON.stringify(served.content)).toContain('ALICE');

  const { items } = (await (await admin(trial, 'GET', 'grants?upstream=snowdemo')).json()) as {
    items: { id: string }[];
  };
  for (const { id } of items) await admin(trial, 'DELETE', `grants/${id}`);
  keeper.opened = undefined;
  await expect(client.callTool({ name: 'whoami' })).rejects.toBeInstanceOf(UnauthorizedError);
  expect((keeper.opened as URL | undefined)?.pathname).toBe('/oauth2/authorize');
  await transport.finishAuth((await signInThroughBoth(keeper)).get('code') ?? '');
  const again = await client.callTool({ name: 'whoami' });
  expect(again.isError ?? false).toBe(false);
  await client.close();
});

it('consent before the first call: a client of revision 2026-07-28 signs in alike, and its SDK finds the issuer in the answer', async () => {
  const address = new URL(`${trial.urls.gateway}/mcp/snowdemo`);
  await consentAtSignIn();
  const keeper = new ModernKeeper();
  const options = { versionNegotiation: { mode: { pin: '2026-07-28' } } } as const;
  const client = () => new ModernClient({ name: 'modern', version: '1' }, options);
  const first = new ModernTransport(address, { authProvider: keeper });
  await expect(client().connect(first)).rejects.toBeInstanceOf(ModernUnauthorized);
  const back = await signInThroughBoth(keeper);
  // RFC 9207: the SDK compares it with the metadata before it redeems the code.
  expect(back.get('iss')).toBe(trial.urls.vault);
  await first.finishAuth(back);
  const signedIn = client();
  await signedIn.connect(new ModernTransport(address, { authProvider: keeper }));
  const served = await signedIn.callTool({ name: 'whoami' });
  expect(JSON.stringify(served.content)).toContain('ALICE');
  await signedIn.close();
});
