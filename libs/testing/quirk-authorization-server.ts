import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type LocalServer, readBody, sendJson, startLocalServer } from './local-server.js';

/** A request, once its body is read; `members` of a form or of JSON. */
export interface QuirkRequest {
  readonly method: string;
  /** `host/path`, as the provider knows itself. */
  readonly at: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly contentType: string;
  readonly members: Readonly<Record<string, unknown>>;
}

export interface IssuedTokens {
  readonly access: string;
  readonly refresh: string;
  readonly scope: string;
  readonly isRefresh: boolean;
  readonly idToken: string;
}

interface QuirkAnswer {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

/** How one provider really behaves, told apart from any template. Addresses are `host/path`. */
export interface QuirkyProvider {
  readonly clientId: string;
  readonly secret: string;
  readonly authorize: {
    readonly at: string;
    /** Parameters that must be there, exactly; null: must not be there. */
    readonly wants?: Readonly<Record<string, string | null>>;
    /** Added to the callback. */
    readonly brings?: Readonly<Record<string, string>>;
    readonly scope?: string;
    /** `refused`: it does not know PKCE and says so. */
    readonly pkce?: 'checked' | 'refused';
  };
  readonly token: {
    readonly at: string;
    readonly refreshAt?: string;
    readonly format?: 'form' | 'json';
    readonly auth: 'basic' | 'basic-raw' | 'post' | 'secret-as-user' | 'any';
    readonly headers?: Readonly<Record<string, string>>;
    readonly wants?: Readonly<Record<string, unknown>>;
    /** Any other member is refused. */
    readonly only?: readonly string[];
    readonly rotates?: boolean;
    answers(tokens: IssuedTokens): unknown;
    readonly status?: number;
    /** How it says an error that RFC 6749 §5.2 names. */
    refuses?(error: string): QuirkAnswer;
  };
  readonly issuer?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  /** By `METHOD host/path`, of which the last part may be `*`; undefined: refuse. `server.ends` ends tokens. */
  readonly routes?: Readonly<
    Record<
      string,
      (request: QuirkRequest, server: QuirkAuthorizationServer) => QuirkAnswer | undefined
    >
  >;
}

interface Code {
  readonly redirectUri: string;
  readonly challenge: string | undefined;
  readonly nonce: string | undefined;
  readonly scope: string;
}

/** An authorization server with the peculiarities of a provider, over real HTTP: it refuses what that one refuses. */
export class QuirkAuthorizationServer {
  readonly requests: QuirkRequest[] = [];
  /** What was ended by a revocation, in words. */
  readonly ended: string[] = [];
  #local!: LocalServer;
  #sign!: (claims: Record<string, unknown>) => Promise<string>;
  #jwk!: object;
  readonly #codes = new Map<string, Code>();
  readonly #refresh = new Map<string, Code>();
  readonly #access = new Set<string>();

  private constructor(readonly provider: QuirkyProvider) {}

  static async start(provider: QuirkyProvider): Promise<QuirkAuthorizationServer> {
    const self = new QuirkAuthorizationServer(provider);
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    self.#jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' };
    self.#sign = (claims) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey);
    self.#local = await startLocalServer((request, response) => self.#serve(request, response));
    return self;
  }

  stop(): Promise<void> {
    return this.#local.stop();
  }

  /** Where an address of the provider is served here. */
  locally(address: string): string {
    return address.replace('https://', `${this.#local.origin}/`);
  }

  isAccess(token: unknown): boolean {
    return typeof token === 'string' && this.#access.has(token);
  }

  isBearer({ headers }: QuirkRequest): boolean {
    return this.isAccess(/^Bearer (.+)$/.exec(String(headers['authorization']))?.[1]);
  }

  /** Ends a token; undefined if it is none of ours. */
  ends(token: unknown): 'access' | 'refresh' | undefined {
    const text = String(token);
    const what = this.#access.delete(text)
      ? 'access'
      : this.#refresh.delete(text)
        ? 'refresh'
        : undefined;
    if (what) this.ended.push(what);
    return what;
  }

  bearerOf({ headers }: QuirkRequest): string {
    return String(headers['authorization']).replace(/^Bearer /, '');
  }

  /** Whether a request carries our client's id and secret in this way. */
  authenticates({ headers, members }: QuirkRequest, way: QuirkyProvider['token']['auth']): boolean {
    const { clientId, secret } = this.provider;
    if (way === 'post')
      return (
        headers['authorization'] === undefined &&
        members['client_id'] === clientId &&
        members['client_secret'] === secret
      );
    const sent = Buffer.from(String(headers['authorization']).replace(/^Basic /, ''), 'base64');
    const decoded = (text: string) => new URLSearchParams(`=${text}`).get('');
    const [id = '', password = ''] = sent.toString().split(':');
    const isForm = decoded(id) === clientId && decoded(password) === secret;
    const isRaw = sent.toString() === `${clientId}:${secret}`;
    if (members['client_secret'] !== undefined) return way === 'any';
    if (way === 'secret-as-user') return sent.toString() === `${secret}:`;
    return way === 'basic' ? isForm : way === 'basic-raw' ? isRaw : isForm || isRaw;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await read(incoming);
    this.requests.push(request);
    const { authorize, token, routes } = this.provider;
    const place = `${request.method} ${request.at}`;
    const route = routes?.[place] ?? routes?.[place.replace(/[^/]+$/, '*')];
    if (route) return answer(response, route(request, this) ?? refusal('refused'));
    if (request.at === authorize.at) return this.#authorize(request, response);
    if (request.at === token.at || request.at === token.refreshAt)
      return answer(response, await this.#token(request));
    return answer(response, this.#ofIssuer(request.at));
  }

  #authorize({ query }: QuirkRequest, response: ServerResponse): void {
    const { authorize } = this.provider;
    const faults = Object.entries(authorize.wants ?? {}).filter(
      ([name, value]) => query.get(name) !== value,
    );
    if (query.get('client_id') !== this.provider.clientId) faults.push(['client_id', null]);
    if (authorize.pkce === 'refused' && query.has('code_challenge')) faults.push(['pkce', null]);
    if (faults.length > 0) return answer(response, refusal(faults.map(([name]) => name).join(' ')));
    const back = new URL(query.get('redirect_uri') ?? '');
    const code = secret('code');
    this.#codes.set(code, {
      redirectUri: back.href,
      challenge: query.get('code_challenge') ?? undefined,
      nonce: query.get('nonce') ?? undefined,
      scope: authorize.scope ?? query.get('scope') ?? '',
    });
    const brings = { code, state: query.get('state') ?? '', ...authorize.brings };
    for (const [name, value] of Object.entries(brings)) back.searchParams.set(name, value);
    response.writeHead(303, { location: back.href }).end();
  }

  async #token(request: QuirkRequest): Promise<QuirkAnswer> {
    const { token } = this.provider;
    const refuse = (error: string) =>
      token.refuses?.(error) ?? { status: error === 'invalid_client' ? 401 : 400, body: { error } };
    const fault = this.#requestFault(request);
    if (fault !== undefined) return refuse(fault);
    if (!this.authenticates(request, token.auth)) return refuse('invalid_client');
    const { members } = request;
    const isRefresh = members['refresh_token'] !== undefined;
    if (isRefresh && request.at !== (token.refreshAt ?? token.at)) return refuse('invalid_request');
    const old = String(isRefresh ? members['refresh_token'] : members['code']);
    const found = (isRefresh ? this.#refresh : this.#codes).get(old);
    if (found === undefined || (!isRefresh && !isRedeemable(found, members)))
      return refuse('invalid_grant');
    if (!isRefresh) this.#codes.delete(old);
    const isNew = !isRefresh || token.rotates === true;
    if (isRefresh && isNew) this.#refresh.delete(old);
    const issued = await this.#issue(found, isRefresh, isNew ? secret('rt') : old);
    return { status: token.status ?? 200, body: token.answers(issued) };
  }

  #requestFault({ contentType, headers, members }: QuirkRequest): string | undefined {
    const { token } = this.provider;
    const json = token.format === 'json';
    if (json !== contentType.startsWith('application/json')) return 'invalid_request';
    for (const [name, value] of Object.entries(token.headers ?? {}))
      if (headers[name] !== value) return 'invalid_request';
    for (const [name, value] of Object.entries(token.wants ?? {}))
      if (members[name] !== value) return 'invalid_request';
    const strange = Object.keys(members).some((name) => token.only?.includes(name) === false);
    return strange ? 'invalid_request' : undefined;
  }

  async #issue(code: Code, isRefresh: boolean, refresh: string): Promise<IssuedTokens> {
    const { provider } = this;
    const access = secret('at');
    this.#access.add(access);
    this.#refresh.set(refresh, code);
    const { issuer, clientId, claims } = provider;
    const nonce = code.nonce === undefined ? {} : { nonce: code.nonce };
    const idToken = await this.#sign({ iss: issuer, aud: clientId, ...nonce, ...claims });
    return { access, refresh, scope: code.scope, isRefresh, idToken };
  }

  #ofIssuer(at: string): QuirkAnswer {
    const { issuer, authorize, token } = this.provider;
    const name = issuer?.replace('https://', '');
    if (at === `${name}/jwks`) return { body: { keys: [this.#jwk] } };
    const places = ['openid-configuration', 'oauth-authorization-server'];
    if (!places.some((place) => at === `${name}/.well-known/${place}`))
      return { status: 404, body: {} };
    return {
      body: {
        issuer,
        authorization_endpoint: `https://${authorize.at}`,
        token_endpoint: `https://${token.at}`,
        jwks_uri: `${issuer}/jwks`,
        id_token_signing_alg_values_supported: ['ES256'],
        subject_types_supported: ['public'],
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
      },
    };
  }
}

function isRedeemable(code: Code, members: QuirkRequest['members']): boolean {
  const redirectUri = members['redirect_uri'] ?? code.redirectUri;
  const verifier = members['code_verifier'];
  const computed =
    typeof verifier === 'string'
      ? createHash('sha256').update(verifier).digest('base64url')
      : undefined;
  return redirectUri === code.redirectUri && computed === code.challenge;
}

async function read(incoming: IncomingMessage): Promise<QuirkRequest> {
  const url = new URL(incoming.url ?? '/', 'http://localhost');
  const body = await readBody(incoming);
  const contentType = incoming.headers['content-type'] ?? '';
  const members = contentType.startsWith('application/json')
    ? ((JSON.parse(body) ?? {}) as Record<string, unknown>)
    : Object.fromEntries(new URLSearchParams(body));
  return {
    method: incoming.method ?? '',
    at: decodeURIComponent(url.pathname.slice(1)),
    query: url.searchParams,
    headers: incoming.headers,
    contentType,
    members,
  };
}

function answer(response: ServerResponse, { status = 200, body, headers = {} }: QuirkAnswer): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  sendJson(response, status, body);
}

function refusal(why: string): QuirkAnswer {
  return { status: 400, body: { error: 'invalid_request', error_description: why } };
}

function secret(kind: string): string {
  return `${kind}-${randomBytes(12).toString('hex')}`;
}
