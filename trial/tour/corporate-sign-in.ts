import * as oidc from 'openid-client';
import { z } from 'zod';
import type { TourConfig } from './tour-config.js';

/** Who takes the tour, and the corporate token that every call carries. */
export interface Visitor {
  readonly subject: string;
  readonly login: string;
  readonly name: string;
  readonly accessToken: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

export interface SignInAttempt {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

const person = z.object({ sub: z.string(), name: z.string(), preferred_username: z.string() });

/** The tour's own confidential client of the corporate provider: code flow with PKCE, `resource` = the gateway. */
export class CorporateSignIn {
  #discovered: Promise<oidc.Configuration> | undefined;

  constructor(private readonly config: TourConfig) {}

  async begin(): Promise<{ url: URL; attempt: SignInAttempt }> {
    const attempt = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      codeVerifier: oidc.randomPKCECodeVerifier(),
    };
    const url = oidc.buildAuthorizationUrl(await this.#configuration(), {
      redirect_uri: `${this.config.origin}/callback`,
      scope: 'openid profile mcp:use',
      resource: this.config.gateway,
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(attempt.codeVerifier),
      code_challenge_method: 'S256',
      login_hint: 'alice',
    });
    return { url, attempt };
  }

  /** Throws openid-client's errors. */
  async finish(callback: URL, attempt: SignInAttempt): Promise<Visitor> {
    const configuration = await this.#configuration();
    const { state, nonce, codeVerifier } = attempt;
    const tokens = await oidc.authorizationCodeGrant(
      configuration,
      callback,
      { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: codeVerifier },
      { resource: this.config.gateway },
    );
    const { sub, name, preferred_username } = person.parse(tokens.claims());
    return {
      ...{ subject: sub, name, login: preferred_username },
      accessToken: tokens.access_token,
      expiresAt: Date.now() + (tokens.expires_in ?? 0) * 1000,
    };
  }

  #configuration(): Promise<oidc.Configuration> {
    this.#discovered ??= this.#discover().catch((error: unknown) => {
      this.#discovered = undefined;
      throw error;
    });
    return this.#discovered;
  }

  #discover(): Promise<oidc.Configuration> {
    const { corporateIdp, clientId, clientSecret } = this.config;
    return oidc.discovery(
      new URL(corporateIdp),
      clientId,
      undefined,
      oidc.ClientSecretBasic(clientSecret),
      { execute: [oidc.allowInsecureRequests] },
    );
  }
}
