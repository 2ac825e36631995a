import type { IncomingMessage, ServerResponse } from 'node:http';
import Provider, { type Configuration } from 'oidc-provider';
import { HttpBrowser } from './http-browser.js';
import { type LocalServer, startLocalServer } from './local-server.js';

const accountId = 'upstream-alice';
const hour = 3600;
const hours = {
  AccessToken: hour,
  Grant: hour,
  IdToken: hour,
  Interaction: hour,
  RefreshToken: hour,
  Session: hour,
};

/** What of its options the global `fetch` understands. */
type FetchOptions = Pick<globalThis.RequestInit, 'signal' | 'method' | 'headers' | 'body'>;

/** A certified OpenID provider (oidc-provider) on 127.0.0.1 whose only person signs in and agrees at once. */
export class RealAuthorizationServer {
  /** Method and path of every request, in order of arrival. */
  readonly requests: string[] = [];
  /** When set, answers a request in the place of the provider; false: it does not want to. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  #server!: LocalServer;
  #provider!: Provider;

  /** `configure` gets the issuer, which has a path where `path` names one. */
  static async start(
    configure: (issuer: string) => Configuration,
    path = '',
  ): Promise<RealAuthorizationServer> {
    const self = new RealAuthorizationServer();
    self.#server = await startLocalServer((request, response) => self.#serve(request, response));
    self.#provider = new Provider(`${self.#server.origin}${path}`, {
      cookies: { keys: ['test'] },
      findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
      // Its own refuses loopback, where everything of a test is.
      fetch: (url: string | URL | Request, options?: RequestInit) => {
        const { signal, method, headers, body } = (options ?? {}) as FetchOptions;
        return globalThis.fetch(url, { signal, method, headers, body, redirect: 'manual' });
      },
      ttl: { ...hours, AuthorizationCode: 60 },
      pkce: { required: () => true },
      interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
      renderError: (context, out) => {
        context.body = { shown: out.error };
      },
      ...configure(`${self.#server.origin}${path}`),
    });
    return self;
  }

  get issuer(): string {
    return this.#provider.issuer;
  }

  get origin(): string {
    return this.#server.origin;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Where a browser ends that is sent to `url`: the address of the client's callback with its answer. */
  async visit(url: URL): Promise<URL> {
    const browser = new HttpBrowser((next) => next.origin !== this.origin);
    const page = await browser.get(url);
    if (page.url.origin === this.origin) throw new Error(`the provider shows ${page.body}`);
    return page.url;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', this.origin).pathname;
    this.requests.push(`${request.method} ${path}`);
    if (this.intercept?.(request, response)) return;
    if (path.startsWith('/interaction/')) return this.#agree(request, response);
    await this.#provider.callback()(request, response);
  }

  async #agree(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { params, prompt } = await this.#provider.interactionDetails(request, response);
    if (prompt.name === 'login')
      return this.#provider.interactionFinished(request, response, { login: { accountId } });
    const clientId = String(params['client_id']);
    const grant = new this.#provider.Grant({ clientId, accountId });
    const scope = typeof params['scope'] === 'string' ? params['scope'] : '';
    grant.addOIDCScope(scope);
    for (const resource of [params['resource']].flat())
      if (typeof resource === 'string') grant.addResourceScope(resource, scope);
    const consent = { grantId: await grant.save() };
    await this.#provider.interactionFinished(request, response, { consent });
  }
}
