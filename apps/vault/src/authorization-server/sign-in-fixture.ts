import { createHash, randomBytes } from 'node:crypto';
import { generateKeyPair, exportJWK } from 'jose';
import { SynchronisedClock } from '#lib/clock/clock';
import { ClientAssertions } from '#lib/contract/client-assertion';
import { accessTokenType, clientAssertionType, tokenExchangeGrant } from '#lib/contract/exchange';
import { ConnectFixture } from '../connect/connect-fixture.js';
import type { HttpBrowser, VisitedPage } from '#lib/testing/http-browser';

export const clientRedirect = 'http://127.0.0.1:9/callback';
const gatewayUrl = 'http://127.0.0.1:5999';

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly scope: string;
}

/** A vault where people consent to Snowdemo as they sign in, and a client that registered itself. */
export class SignInFixture {
  readonly verifier = randomBytes(32).toString('base64url');
  readonly resource = `${gatewayUrl}/http/snowdemo`;

  private constructor(
    readonly vault: ConnectFixture,
    readonly gatewayKey: CryptoKey,
  ) {}

  static async start(upstream: Readonly<Record<string, unknown>> = {}): Promise<SignInFixture> {
    const vault = await ConnectFixture.start();
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    await vault.put('upstreams/snowdemo', {
      slug: 'snowdemo',
      name: 'Snowdemo',
      type: 'http',
      url: 'http://127.0.0.1:9/',
      credential: { type: 'oauth', oauthClient: 'snowid' },
      consentAtSignIn: true,
      ...upstream,
    });
    await vault.put('machine-clients/gateway', {
      slug: 'gateway',
      kind: 'gateway',
      publicUrl: gatewayUrl,
      jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'gateway' }] },
      upstreams: '*',
    });
    return new SignInFixture(vault, privateKey as CryptoKey);
  }

  stop(): Promise<void> {
    return this.vault.stop();
  }

  /** A client's own registration; answers its id. */
  async register(metadata: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const answer = await this.post('/oauth2/register', {
      client_name: 'Notebook',
      redirect_uris: [clientRedirect],
      token_endpoint_auth_method: 'none',
      ...metadata,
    });
    const { client_id } = (await answer.json()) as { client_id?: string };
    if (client_id === undefined) throw new Error(`registration: ${answer.status}`);
    return client_id;
  }

  post(path: string, body: object): Promise<Response> {
    return this.vault.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /** What the client opens in the browser; a member that is undefined is left out. */
  authorizeUrl(clientId: string, over: Readonly<Record<string, string | undefined>> = {}): URL {
    const url = new URL('/oauth2/authorize', this.vault.origin);
    const asked = {
      response_type: 'code',
      client_id: clientId,
      redirect_uri: clientRedirect,
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      resource: this.resource,
      state: 'the-state',
      ...over,
    };
    for (const [name, value] of Object.entries(asked))
      if (value !== undefined) url.searchParams.set(name, value);
    return url;
  }

  /** A browser in which this person will sign in, which stops where a client would take over. */
  browser(subject: string): HttpBrowser {
    this.vault.corporate.subject = subject;
    this.vault.provider.subject = `snow-${subject}`;
    const { origin, corporate, provider } = this.vault;
    const ours = [origin, corporate.issuer, provider.issuer].map((url) => new URL(url).origin);
    return this.vault.browser((url) => !ours.includes(url.origin));
  }

  /** Opens the client's link, signs in, arrives at the question. */
  async ask(
    subject: string,
    clientId: string,
    over: Readonly<Record<string, string | undefined>> = {},
  ): Promise<{ browser: HttpBrowser; page: VisitedPage }> {
    const browser = this.browser(subject);
    return { browser, page: await browser.get(this.authorizeUrl(clientId, over)) };
  }

  /** The person allows it; answers where the client is sent. */
  async allow(
    subject: string,
    clientId: string,
    over: Readonly<Record<string, string | undefined>> = {},
  ): Promise<URL> {
    const { browser, page } = await this.ask(subject, clientId, over);
    return (await browser.submit(page, '/sign-in/', { decision: 'allow' })).url;
  }

  token(form: Readonly<Record<string, string>>): Promise<Response> {
    return this.vault.fetch('/oauth2/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form),
    });
  }

  redeem(
    clientId: string,
    code: string,
    over: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return this.token({
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      redirect_uri: clientRedirect,
      code_verifier: this.verifier,
      resource: this.resource,
      ...over,
    });
  }

  refresh(clientId: string, refreshToken: string): Promise<Response> {
    return this.token({
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: refreshToken,
    });
  }

  /** What a gateway asks with the token of a caller. */
  async exchange(subjectToken: string): Promise<Response> {
    const clock = new SynchronisedClock();
    const key = { key: this.gatewayKey, algorithm: 'ES256', keyId: 'gateway' };
    const assertions = new ClientAssertions({ clientId: 'gateway', ...key, clock });
    return this.token({
      grant_type: tokenExchangeGrant,
      client_assertion_type: clientAssertionType,
      client_assertion: await assertions.for(this.vault.origin),
      subject_token: subjectToken,
      subject_token_type: accessTokenType,
      audience: 'snowdemo',
    });
  }

  /** All the way to tokens. */
  async signIn(subject: string, clientId: string): Promise<Tokens> {
    const back = await this.allow(subject, clientId);
    const answer = await this.redeem(clientId, back.searchParams.get('code') ?? '');
    if (answer.status !== 200) throw new Error(`token: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Tokens;
  }
}
