import { createHash, randomBytes } from 'node:crypto';
import { HttpBrowser } from './http-browser.js';

const redirectUri = 'http://127.0.0.1:9/callback';

/** A program that registers itself at the corporate issuer (RFC 7591) and brings its people's tokens. */
export class CorporateApplication {
  private constructor(
    private readonly issuer: string,
    readonly clientId: string,
  ) {}

  static async register(issuer: string, name: string): Promise<CorporateApplication> {
    const answer = await fetch(`${issuer}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: name,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        application_type: 'native',
      }),
    });
    const registered = (await answer.json()) as { client_id?: string };
    if (registered.client_id === undefined)
      throw new Error(`registration at the corporate issuer answered ${answer.status}`);
    return new CorporateApplication(issuer, registered.client_id);
  }

  /** Signs `login` in and asks for an access token bound to `resource` (RFC 8707). */
  async tokens(
    login: string,
    resource: string,
    scope = 'openid profile',
  ): Promise<ApplicationTokens> {
    const verifier = randomBytes(32).toString('base64url');
    const browser = new HttpBrowser((url) => url.href.startsWith(redirectUri));
    const query = new URLSearchParams({
      client_id: this.clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope,
      resource,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    let page = await browser.get(`${this.issuer}/auth?${query.toString()}`);
    page = await browser.submit(page, '/login', { login, password: login });
    if (!page.url.href.startsWith(redirectUri)) page = await browser.submit(page, '/confirm');
    return this.#redeem(page.url.searchParams.get('code') ?? '', verifier, resource);
  }

  async #redeem(code: string, verifier: string, resource: string): Promise<ApplicationTokens> {
    const answer = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: this.clientId,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        code,
        resource,
      }),
    });
    const tokens = (await answer.json()) as { access_token?: string; id_token?: string };
    if (tokens.access_token === undefined)
      throw new Error(`the corporate token endpoint answered ${answer.status}`);
    return { accessToken: tokens.access_token, idToken: tokens.id_token ?? '' };
  }
}

export interface ApplicationTokens {
  readonly accessToken: string;
  readonly idToken: string;
}
