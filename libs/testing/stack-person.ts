import type { TokenOutcome } from '#lib/contract/vault-answers';
import { HttpBrowser } from './http-browser.js';
import type { VisitedPage } from './http-browser.js';
import type { StackWorld } from './stack-world.js';

const isCallback = (url: URL) => url.pathname.startsWith('/callback/');

/** Somebody with a browser and a program. */
export class Person {
  readonly #browser: HttpBrowser;
  #token: Promise<string> | undefined;

  constructor(
    private readonly stack: StackWorld,
    readonly name: string,
  ) {
    this.#browser = this.#newBrowser(() => false);
  }

  /** The corporate token of their program: good for a day. */
  get token(): Promise<string> {
    this.#token ??= this.stack.issuer.accessToken({
      subject: this.name,
      clientId: 'assistant',
      audience: this.stack.audience,
      expiresIn: 86_400,
    });
    return this.#token;
  }

  /** What a gateway asks of the nth vault on their behalf. */
  async exchange(
    upstream = 'tool-0',
    vault = 0,
    interaction: 'none' | 'create' = 'none',
  ): Promise<TokenOutcome> {
    return this.stack.door(vault).exchange(await this.token, upstream, interaction);
  }

  /** A call of the tool through the nth gateway. */
  async call(
    upstream = 'tool-0',
    gateway = 0,
    path = '/',
    signal: AbortSignal = AbortSignal.timeout(30_000),
  ): Promise<Response> {
    const node = this.stack.gateways[gateway];
    const authorization = `Bearer ${await this.token}`;
    return fetch(`${node?.url}/http/${upstream}${path}`, { headers: { authorization }, signal });
  }

  /** The whole of a consent in a browser. */
  async connect(upstream = 'tool-0', vault = 0): Promise<void> {
    const page = await this.#consent(await this.link(upstream, vault), this.#browser);
    if (!page.body.includes('is connected'))
      throw new Error(`${this.name} is not connected: ${page.status} ${page.url.pathname}`);
  }

  /** Where a call pauses that needs their consent. */
  async link(upstream = 'tool-0', vault = 0): Promise<string> {
    const outcome = await this.exchange(upstream, vault, 'create');
    const link = outcome.kind === 'interaction' ? outcome.interaction.interaction_uri : undefined;
    if (link === undefined) throw new Error(`${this.name} is not asked: ${outcome.kind}`);
    return link;
  }

  /** Has allowed, and stands before the return from the provider, which `comeBack` makes. */
  async beforeReturn(link: string): Promise<Return> {
    const browser = this.#newBrowser(isCallback);
    const { url, status } = await this.#consent(link, browser);
    if (!isCallback(url)) throw new Error(`${this.name} did not reach the callback: ${status}`);
    return { path: url.pathname + url.search, cookie: browser.cookieHeader(url.hostname) };
  }

  #newBrowser(stopAt: (url: URL) => boolean): HttpBrowser {
    const browser = new HttpBrowser(stopAt);
    browser.sit('127.0.0.1', this.name);
    return browser;
  }

  async #consent(link: string, browser: HttpBrowser): Promise<VisitedPage> {
    const first = await browser.get(link);
    // Where several issuers are registered the person says which is theirs.
    const chosen = `/login?issuer=${this.stack.names.issuer}&`;
    const page = (await browser.follow(first, chosen)) ?? first;
    if (!page.body.includes('value="allow"')) return page;
    return browser.submit(page, '/requests/', { decision: 'allow' });
  }
}

/** The request with which a browser comes back from the provider. */
export interface Return {
  readonly path: string;
  readonly cookie: string;
}

/** Sends it to one vault; answers whether the person was told that it is done. Undefined: no answer came. */
export async function comeBack(
  { path, cookie }: Return,
  vaultUrl: string,
): Promise<boolean | undefined> {
  try {
    const answer = await fetch(vaultUrl + path, { redirect: 'manual', headers: { cookie } });
    await answer.body?.cancel();
    return answer.status === 303 && /\/requests\//.test(answer.headers.get('location') ?? '');
  } catch {
    return undefined;
  }
}
