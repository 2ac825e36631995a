import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, sendJson } from './local-server.js';
import { personAt } from './person-cookie.js';

interface Asked {
  readonly subject: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string;
}

/** Makes an ID token; an issuer of a test does. */
export type MakeIdToken = (about: {
  readonly subject: string;
  readonly clientId: string;
  readonly claims: Readonly<Record<string, unknown>>;
}) => Promise<string>;

/** OpenID Connect's code flow with PKCE, without pages: whoever is named is signed in already. */
export class IssuerSignIn {
  /** Who sits at the browser. */
  subject = 'alice';
  readonly #codes = new Map<string, Asked>();

  constructor(private readonly idToken: MakeIdToken) {}

  /** `cookies` may name another than `subject`. */
  authorize(query: URLSearchParams, response: ServerResponse, cookies?: string): void {
    const code = randomUUID();
    const of = (name: string) => query.get(name) ?? '';
    const redirectUri = of('redirect_uri');
    this.#codes.set(code, {
      subject: personAt(cookies) ?? this.subject,
      clientId: of('client_id'),
      redirectUri,
      challenge: of('code_challenge'),
      nonce: of('nonce'),
    });
    const back = new URL(redirectUri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', of('state'));
    response.writeHead(302, { location: back.href }).end();
  }

  async token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await readBody(request));
    const code = form.get('code') ?? '';
    const asked = this.#codes.get(code);
    this.#codes.delete(code);
    const verifier = form.get('code_verifier') ?? '';
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    if (asked?.challenge !== challenge || asked.redirectUri !== form.get('redirect_uri'))
      return sendJson(response, 400, { error: 'invalid_grant' });
    const { subject, clientId, nonce } = asked;
    sendJson(response, 200, {
      access_token: randomUUID(),
      token_type: 'Bearer',
      expires_in: 300,
      id_token: await this.idToken({ subject, clientId, claims: { nonce } }),
    });
  }
}
