import { personCookie } from './person-cookie.js';

/** A page that a browser without script has arrived at. */
export interface VisitedPage {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

const maxRedirects = 20;

interface Submission {
  readonly method: 'GET' | 'POST';
  readonly body?: URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The part of a browser that a protocol test needs: cookies by host (ports do not separate them), redirects,
 * forms. It stops before a redirect to an address that `stopAt` matches and reports that address as the page.
 */
export class HttpBrowser {
  readonly #cookies = new Map<string, Map<string, string>>();

  constructor(private readonly stopAt: (url: URL) => boolean = () => false) {}

  get(url: string | URL): Promise<VisitedPage> {
    return this.#visit(new URL(url), { method: 'GET' });
  }

  post(
    url: string | URL,
    form: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<VisitedPage> {
    const body = new URLSearchParams(form);
    return this.#visit(new URL(url), { method: 'POST', body, headers });
  }

  /** Clicks the link of a page whose address contains this; undefined where there is none. */
  async follow(page: VisitedPage, hrefPart: string): Promise<VisitedPage | undefined> {
    const links = [...page.body.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href]) => href ?? '');
    const found = links.map(decode).find((href) => href.includes(hrefPart));
    return found === undefined ? undefined : this.get(new URL(found, page.url));
  }

  /** Submits the form of a page whose action contains this, its hidden fields included. */
  submit(
    page: VisitedPage,
    actionPart: string,
    fields: Record<string, string> = {},
  ): Promise<VisitedPage> {
    const form = [...page.body.matchAll(/<form[^>]*action="([^"]*)"[^>]*>(.*?)<\/form>/gs)].find(
      ([, action]) => decode(action ?? '').includes(actionPart),
    );
    if (form === undefined) throw new Error(`no form to ${actionPart} on ${page.url.pathname}`);
    const [, action = '', inner = ''] = form;
    const url = new URL(decode(action), page.url);
    return this.post(url, { ...hiddenFields(inner), ...fields }, { origin: page.url.origin });
  }

  /** Who sits here, for the test servers that sign in whoever comes (see `personAt`). */
  sit(host: string, person: string): void {
    const jar = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, jar.set(personCookie, person));
  }

  cookie(host: string, name: string): string | undefined {
    return this.#cookies.get(host)?.get(name);
  }

  async #visit(start: URL, init: Submission): Promise<VisitedPage> {
    let url = start;
    let request: Submission = init;
    for (let hop = 0; hop < maxRedirects; hop += 1) {
      const answer = await fetch(url, {
        ...request,
        redirect: 'manual',
        headers: { ...request.headers, cookie: this.cookieHeader(url.hostname) },
      });
      this.#keepCookies(url.hostname, answer.headers);
      const body = await answer.text();
      const next = nextAddress(answer, url);
      if (next === undefined) return { url, status: answer.status, headers: answer.headers, body };
      if (this.stopAt(next)) {
        return { url: next, status: answer.status, headers: answer.headers, body };
      }
      url = next;
      request = { method: 'GET' };
    }
    throw new Error(`more than ${maxRedirects} redirects from ${start.origin}${start.pathname}`);
  }

  /** What the browser would send to this host, for a request made by hand. */
  cookieHeader(host: string): string {
    return [...(this.#cookies.get(host) ?? [])]
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
  }

  #keepCookies(host: string, headers: Headers): void {
    const jar = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, jar);
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf('='));
      const value = pair.slice(pair.indexOf('=') + 1);
      if (value === '' || attributes.some((a) => isOver(a))) jar.delete(name);
      else jar.set(name, value);
    }
  }
}

/** The target of a redirect, or of the `Refresh: 0; url=…` that our own pages use. */
function nextAddress(answer: Response, from: URL): URL | undefined {
  const location = answer.headers.get('location');
  if (answer.status >= 300 && answer.status < 400 && location !== null)
    return new URL(location, from);
  const refresh = /^0;\s*url=(.+)$/i.exec(answer.headers.get('refresh') ?? '')?.[1];
  return refresh === undefined ? undefined : new URL(refresh, from);
}

function isOver(attribute: string): boolean {
  const [name = '', value = ''] = attribute.split('=');
  if (name.toLowerCase() === 'max-age') return Number(value) <= 0;
  return name.toLowerCase() === 'expires' && Date.parse(value) <= Date.now();
}

function hiddenFields(html: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [tag] of html.matchAll(/<input[^>]*>/g)) {
    if (/type="hidden"/.test(tag)) fields[attribute(tag, 'name')] = attribute(tag, 'value');
  }
  return fields;
}

function attribute(tag: string, name: string): string {
  return decode(new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
}

function decode(html: string): string {
  return html
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
