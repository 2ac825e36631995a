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
import { TrialStack } from '#lib/testing/trial-stack';

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
  redirectToAuthorization = (url: URL) => void (this.opened = url);
  saveCodeVerifier = (verifier: string) => void (this.#verifier = verifier);
  codeVerifier = () => this.#verifier;
}

let trial: TrialStack;

beforeAll(async () => {
  trial = await TrialStack.start();
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
