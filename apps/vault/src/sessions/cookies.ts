import type { FastifyReply, FastifyRequest } from 'fastify';

export type CookieKind = 'session' | 'login' | 'connect' | 'sign-in';

/**
 * Our cookies: `__Host-`, HttpOnly, Secure. SameSite is Lax, for a person comes back from a sign-in at another site.
 * Ports do not separate cookies, so over http (development) the name carries the port.
 */
export class Cookies {
  readonly #plain: boolean;
  readonly #suffix: string;

  constructor(publicUrl: string) {
    const { protocol, port } = new URL(publicUrl);
    this.#plain = protocol === 'http:';
    this.#suffix = this.#plain ? `-${port || '80'}` : '';
  }

  read(request: FastifyRequest, kind: CookieKind, id = ''): string | undefined {
    return cookiesOf(request).get(this.#name(request, kind, id));
  }

  /** Ids of this kind's cookies that the browser sent. */
  idsOf(request: FastifyRequest, kind: CookieKind): string[] {
    const beginning = this.#name(request, kind, '');
    return [...cookiesOf(request).keys()]
      .filter((name) => name.startsWith(`${beginning}.`))
      .map((name) => name.slice(beginning.length + 1));
  }

  /** Without `maxAgeSeconds` the cookie ends with the browser. */
  set(
    request: FastifyRequest,
    reply: FastifyReply,
    kept: { kind: CookieKind; id?: string; value: string; maxAgeSeconds?: number },
  ): void {
    const name = this.#name(request, kept.kind, kept.id ?? '');
    const age = kept.maxAgeSeconds === undefined ? '' : `; Max-Age=${kept.maxAgeSeconds}`;
    const secure = name.startsWith('__Host-') ? '; Secure' : '';
    reply.header(
      'set-cookie',
      `${name}=${kept.value}; Path=/; HttpOnly; SameSite=Lax${age}${secure}`,
    );
  }

  clear(request: FastifyRequest, reply: FastifyReply, kind: CookieKind, id = ''): void {
    this.set(request, reply, { kind, id, value: '', maxAgeSeconds: 0 });
  }

  #name(request: FastifyRequest, kind: CookieKind, id: string): string {
    const prefix = this.#plain && dropsSecureCookies(request) ? '' : '__Host-';
    return `${prefix}symbolon-${kind}${this.#suffix}${id && `.${id}`}`;
  }
}

// Our values are base64url: nothing needs unescaping, and a cookie of somebody else's is never read.
function cookiesOf(request: FastifyRequest): ReadonlyMap<string, string> {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('=', 2));
  return new Map(pairs.map(([name = '', value = '']) => [name, value]));
}

// Safari takes no Secure cookie over http, not even from loopback; Chromium and Firefox do.
function dropsSecureCookies(request: FastifyRequest): boolean {
  const agent = request.headers['user-agent'] ?? '';
  return /\bSafari\//.test(agent) && !/Chrom(e|ium)\//.test(agent);
}
