import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  accessTokenType,
  clientAssertionType,
  tokenExchangeGrant,
  type InteractionRequired,
  type InteractionState,
  type TokenAnswer,
} from '#lib/contract/exchange';
import type { Claims } from '#lib/jwt/claim';
import { parseCompactToken } from '#lib/jwt/compact-token';
import { type Interaction, People, statusOf } from './people.js';

export interface PretendVaultOptions {
  /** 0: any free one. */
  readonly port: number;
  /** Nobody is asked. */
  readonly everybodyConnected: boolean;
  /** Seconds that a token is said to live. */
  readonly expiresIn: number;
  /** Slugs that are known; empty: all. */
  readonly upstreams: readonly string[];
}

export interface RunningVault {
  readonly url: string;
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body?: object;
  readonly html?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const refused = (error: string, error_description: string, status = 400): Answer => ({
  status,
  body: { error, error_description },
});
const notFound: Answer = { status: 404, body: { error: 'not-found' } };

/** The vault's side of the exchange for tests of programs that use it: every form is checked, nobody's signature is. */
export async function startPretendVault(options: PretendVaultOptions): Promise<RunningVault> {
  const vault = new PretendVault(options);
  const server = createServer((request, response) => {
    void vault.serve(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vault.url = url;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, stop };
}

class PretendVault {
  url = '';
  readonly #people: People;
  /** What the token endpoint answers instead, as a test has asked for. */
  #failure: Answer | undefined;

  constructor(private readonly options: PretendVaultOptions) {
    this.#people = new People(options.everybodyConnected);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answer(request).catch(() =>
      refused('invalid_request', 'The request cannot be read.'),
    );
    const body = answer.html ?? (answer.body === undefined ? '' : JSON.stringify(answer.body));
    response.writeHead(answer.status, {
      'content-type': answer.html === undefined ? 'application/json' : 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      ...answer.headers,
    });
    response.end(body);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const body = request.method === 'POST' ? await text(request) : '';
    const [, place = '', id = ''] = pathname.split('/');
    switch (`${request.method} /${place}`) {
      case 'GET /.well-known':
        return { status: 200, body: this.#metadata() };
      case 'GET /readyz':
        return { status: 200, body: { status: 'ready' } };
      case 'POST /oauth2':
        return this.#failure ?? this.#token(new URLSearchParams(body));
      case 'GET /interactions':
        return this.#interaction(request, id);
      case 'GET /connect':
      case 'POST /connect':
        return this.#connect(
          id,
          new URLSearchParams(body).get('decision') ?? searchParams.get('decision'),
        );
      case 'POST /fake':
        return this.#control(id, JSON.parse(body || '{}') as Record<string, string>);
      default:
        return notFound;
    }
  }

  #metadata() {
    return {
      issuer: this.url,
      token_endpoint: `${this.url}/oauth2/token`,
      grant_types_supported: [tokenExchangeGrant],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
    };
  }

  #token(form: URLSearchParams): Answer {
    const fault = this.#assertionFault(form) ?? subjectFault(form);
    if (fault !== undefined) return fault;
    const upstream = form.get('audience') ?? form.get('resource') ?? '';
    const { upstreams, expiresIn } = this.options;
    if (upstream === '' || (upstreams.length > 0 && !upstreams.includes(upstream)))
      return refused('invalid_target', 'There is no such upstream.');
    const subject = String(claimsIn(form.get('subject_token'))?.['sub']);
    const rejected = form.get('rejected_token_sha256') ?? undefined;
    const token = this.#people.token(subject, upstream, rejected);
    if (token === undefined) return this.#ask(subject, upstream, form.get('interaction'));
    const answer: TokenAnswer = {
      access_token: token,
      issued_token_type: accessTokenType,
      token_type: 'Bearer',
      expires_in: expiresIn,
      scope: form.get('scope') ?? '',
    };
    return { status: 200, body: answer };
  }

  #assertionFault(form: URLSearchParams): Answer | undefined {
    const invalid = (detail: string) => refused('invalid_client', detail, 401);
    if (form.get('client_assertion_type') !== clientAssertionType)
      return invalid(`client_assertion_type must be ${clientAssertionType}.`);
    const claims = claimsIn(form.get('client_assertion'));
    if (claims === undefined) return invalid('client_assertion is not a JWT.');
    const { aud } = claims;
    if ([aud].flat().join(' ') !== this.url) return invalid(`aud must be ${this.url} alone.`);
    return isLive(claims) ? undefined : invalid('The assertion has expired.');
  }

  #ask(subject: string, upstream: string, wish: string | null): Answer {
    const needed = {
      error: 'interaction_required',
      error_description: 'A person has to agree first.',
    } as const;
    const message = `Connect ${upstream} to continue.`;
    if (wish === 'none') return { status: 400, body: { ...needed, message } };
    const interaction = this.#people.ask(subject, upstream);
    const body: InteractionRequired = {
      ...needed,
      message,
      interaction_id: interaction.id,
      interaction_uri: `${this.url}/connect/${interaction.link}`,
      expires_in: secondsLeft(interaction),
      interval: 1,
    };
    return { status: 400, body };
  }

  #interaction({ headers }: IncomingMessage, id: string): Answer {
    if (!headers.authorization?.startsWith('Bearer '))
      return refused('invalid_client', 'Send the client assertion as a bearer token.', 401);
    const found = this.#people.byId(id);
    if (found === undefined) return notFound;
    const body: InteractionState = {
      interaction_id: found.id,
      status: statusOf(found),
      expires_in: secondsLeft(found),
    };
    return { status: 200, body };
  }

  #connect(link: string, decision: string | null): Answer {
    const found = this.#people.byLink(link);
    if (found === undefined) return { status: 404, html: page('This link does not work here.') };
    if (decision === 'allow') this.#people.end(found, 'completed');
    if (decision === 'decline') this.#people.end(found, 'declined');
    const status = statusOf(found);
    return { status: 200, html: status === 'pending' ? question : page(`It is ${status}.`) };
  }

  /** `fail` {status, error}, `recover`, `revoke` {subject, upstream}. */
  #control(what: string, { status, error, subject, upstream }: Record<string, string>): Answer {
    if (what === 'fail')
      this.#failure = {
        ...refused(error ?? 'temporarily_unavailable', 'As the test asked.', Number(status ?? 503)),
        headers: { 'retry-after': '1' },
      };
    else if (what === 'recover') this.#failure = undefined;
    else if (what === 'revoke') this.#people.revoke(subject ?? '', upstream ?? '');
    else return notFound;
    return { status: 204 };
  }
}

function subjectFault(form: URLSearchParams): Answer | undefined {
  if (form.get('grant_type') !== tokenExchangeGrant)
    return refused('unsupported_grant_type', `Use ${tokenExchangeGrant}.`);
  if (!form.get('subject_token_type')?.startsWith('urn:ietf:params:oauth:token-type:'))
    return refused('invalid_request', `subject_token_type must be ${accessTokenType}.`);
  const claims = claimsIn(form.get('subject_token'));
  if (claims === undefined) return refused('invalid_request', 'subject_token is not a signed JWT.');
  if (typeof claims['sub'] === 'string' && isLive(claims)) return undefined;
  return refused('invalid_request', 'subject_token has expired or names nobody.');
}

/** What a JWT says; whether it was signed by anybody known is not asked here. */
function claimsIn(token: string | null): Claims | undefined {
  const parsed = parseCompactToken(token ?? '');
  return 'refusal' in parsed ? undefined : parsed.claims;
}

function isLive({ exp }: Claims): boolean {
  return typeof exp === 'number' && exp * 1000 > Date.now();
}

function secondsLeft({ expiresAtMs }: Interaction): number {
  return Math.max(0, Math.ceil((expiresAtMs - Date.now()) / 1000));
}

const question = page(
  'May the program use this upstream as you?',
  '<form method="post"><button name="decision" value="allow">Allow</button> <button name="decision" value="decline">Not now</button></form>',
);

function page(title: string, more = ''): string {
  return `<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1>${more}`;
}
