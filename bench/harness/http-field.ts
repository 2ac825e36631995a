import { MeasuredGateway } from '../cold/measured-gateway.js';
import { SigningIssuer } from '../cold/signing-issuer.js';
import type { Skipped } from './bench-case.js';
import { haproxy, haproxyLacks } from './haproxy.js';
import { type Listening, listening } from './listening.js';
import { personalUpstream } from './personal-upstream.js';
import { upstreamRules } from './upstream-rules.js';
import { upstreamToken as token } from './upstream-token.js';

const people = 200;

/** Somebody who answers `/items/{bytes}` below its URL. */
export interface Subject {
  readonly name: string;
  readonly url: string;
  readonly pid: number | undefined;
  /** What the callers bring, one of each person. */
  readonly tokens: readonly string[];
}

export type SubjectName = keyof typeof names;

const names = {
  direct: 'upstream directly',
  bare: 'bare node:http + undici',
  replyFrom: 'Fastify + reply-from',
  haproxy: 'HAProxy, no JWT',
  haproxyRs256: 'HAProxy jwt_verify RS256',
  haproxyEs256: 'HAProxy jwt_verify ES256',
  ours: 'Symbolon /http/{upstream}',
};

/** Everybody who is compared, each in a process of one thread; all stand before the same upstream. */
export class HttpField {
  readonly subjects = new Map<SubjectName, Subject>();
  readonly skipped: Skipped[] = [];
  readonly #running: { stop(): unknown }[] = [];

  static async start(): Promise<HttpField> {
    const field = new HttpField();
    const es256 = await field.#issuer('ES256');
    const upstream = await field.#proxy('direct', () => listening('backend.js'), tokensOf(es256));
    const { origin } = upstream;
    const start = (file: string) => () => listening(file, origin, token);
    await field.#proxy('bare', start('bare-proxy.js'), tokensOf(es256));
    await field.#proxy('replyFrom', start('reply-from-proxy.js'), tokensOf(es256));
    await field.#haproxies(origin, es256);
    await field.#ours(origin, es256);
    return field;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((each) => each.stop()));
  }

  async #issuer(algorithm: 'RS256' | 'ES256'): Promise<SigningIssuer> {
    const issuer = await SigningIssuer.start(algorithm);
    this.#running.push(issuer);
    return issuer;
  }

  async #proxy(
    name: SubjectName,
    start: () => Promise<Listening>,
    tokens: readonly string[],
  ): Promise<Listening> {
    const started = await start();
    this.#running.push(started);
    const { origin: url, pid } = started;
    this.subjects.set(name, { name: names[name], url, pid, tokens });
    return started;
  }

  async #haproxies(upstream: string, es256: SigningIssuer): Promise<void> {
    const why = haproxyLacks();
    if (why !== undefined) {
      for (const name of ['haproxy', 'haproxyRs256', 'haproxyEs256'] as const)
        this.skipped.push({ subject: names[name], why });
      return;
    }
    const rs256 = await this.#issuer('RS256');
    await this.#proxy('haproxy', () => haproxy({ upstream, token }), tokensOf(es256));
    for (const [name, issuer] of [
      ['haproxyRs256', rs256],
      ['haproxyEs256', es256],
    ] as const) {
      const verify = { algorithm: issuer.algorithm, publicKeyPem: issuer.publicKeyPem };
      await this.#proxy(name, () => haproxy({ upstream, token, verify }), tokensOf(issuer));
    }
  }

  async #ours(upstream: string, issuer: SigningIssuer): Promise<void> {
    const { access, limits } = upstreamRules;
    const config = personalUpstream('backend', 'http', upstream, { access, limits });
    const gateway = await MeasuredGateway.start([issuer.config], [config]);
    this.#running.push(gateway);
    const url = `${gateway.origin}/http/backend`;
    const { pid } = gateway;
    this.subjects.set('ours', { name: names.ours, url, pid, tokens: tokensOf(issuer, url) });
  }
}

/** Of everybody, good at `audience`. */
function tokensOf(issuer: SigningIssuer, audience = 'https://gateway.example.com'): string[] {
  return Array.from({ length: people }, (_, i) => issuer.token(`person-${i}`, audience));
}
