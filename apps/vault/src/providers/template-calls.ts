import type { ClientAuth, ServerMetadata } from 'openid-client';
import { ClientSecretBasic } from 'openid-client';
import type { Secret } from '#lib/secret/secret';
import type { Template } from '../templates/template.js';
import type { ClientIdentity } from './client-identity.js';
import { noLimit, type RequestLimit } from './concurrency-limit.js';
import { accountAt, isDone, jsonOf, type ProviderAnswer, textAt } from './normalise-answer.js';
import { encoded, providerClientAuth } from './normalise-request.js';
import type { ProviderOutbound } from './normalising-outbound.js';
import type { UpstreamAccount } from './token-set.js';

export interface TemplateCallsParts {
  readonly template: Template;
  /** The network itself: what is sent here is written by the template already. */
  readonly outbound: ProviderOutbound;
  readonly limit: RequestLimit;
  readonly identity: () => Promise<ClientIdentity>;
  readonly server: () => Promise<ServerMetadata>;
  /** Live values, newest first. */
  readonly secrets: () => Promise<readonly Secret[]>;
}

type Revocation = NonNullable<Template['revoke']>;
type Asked = Extract<Template['account'], { from: 'request' }>;
type Call = Pick<Asked, 'method' | 'url' | 'headers'> & { readonly body?: string };

/** The calls that a template describes and no RFC does: who it is, what else to keep, how to revoke. Throws OutboundError. */
export class TemplateCalls {
  constructor(private readonly parts: TemplateCallsParts) {}

  async account(asked: Asked, token: Secret): Promise<UpstreamAccount | undefined> {
    const { header, scheme, json } = asked;
    const headers = { ...asked.headers, [header]: `${scheme} ${token.reveal()}`.trim() };
    const call =
      json === undefined
        ? { ...asked, headers }
        : {
            ...asked,
            headers: { ...headers, 'content-type': 'application/json' },
            body: JSON.stringify(json),
          };
    return accountAt(jsonOf((await this.#ask(call, token)).text), asked);
  }

  /** What is to be kept with the grant; what a call does not bring is left out. */
  async afterConnecting(token: Secret): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const { take, ...call } of this.parts.template.metadata.postConnect) {
      const headers = { ...call.headers, authorization: `Bearer ${token.reveal()}` };
      const json = jsonOf((await this.#ask({ ...call, headers }, token)).text);
      for (const [name, pointer] of Object.entries(take)) {
        const value = textAt(json, [pointer]);
        if (value !== undefined && value.length <= 500) found[name] = value;
      }
    }
    return found;
  }

  /** RFC 7662: the end of a token in epoch seconds, if the server says one. */
  async introspectedEnd(endpoint: string, token: Secret): Promise<number | undefined> {
    const params = { token: token.reveal(), token_type_hint: 'access_token' };
    const sent = { params, body: 'form', headers: {} } as const;
    // Part of a token request, whose caller may have a slot: waiting for another could wait for ever.
    const answer = await this.#asClient(endpoint, 'POST', sent, { limit: noLimit });
    const said = Number(textAt(jsonOf(answer.text), ['/exp']));
    return isDone(this.parts.template, answer) && Number.isFinite(said) ? said : undefined;
  }

  async revoke(revocation: Revocation, token: Secret): Promise<boolean> {
    const { template } = this.parts;
    const { method, auth } = revocation;
    if (auth === 'client' || auth === 'client_secret_basic') {
      const url = await this.#filled(revocation.url, token);
      const params = await this.#filledAll(revocation.params, token);
      const sent = { ...revocation, params };
      return isDone(template, await this.#asClient(url, method, sent, { auth }));
    }
    const headers = { ...revocation.headers, ...ownHeader(template, auth, token) };
    const members = await this.#filledAll(revocation.params, token);
    const call =
      revocation.body === 'none'
        ? { ...revocation, headers, body: undefined }
        : { ...revocation, ...bodyOf(revocation.body, headers, members) };
    return isDone(template, await this.#ask(call, token));
  }

  /** As our registration: the newest secret, and on 401 the others. */
  async #asClient(
    url: string,
    method: string,
    sent: Pick<Revocation, 'params' | 'body' | 'headers'>,
    {
      auth = 'client',
      limit = this.parts.limit,
    }: { auth?: 'client' | 'client_secret_basic'; limit?: RequestLimit },
  ): Promise<ProviderAnswer> {
    const { template } = this.parts;
    const { clientId } = await this.parts.identity();
    let answer: ProviderAnswer | undefined;
    for (const authenticate of await this.#authentications(auth)) {
      const fields = Object.entries(sent.params).map(([k, v]): [string, string] => [k, String(v)]);
      const form = new URLSearchParams(fields);
      const headers = new Headers({ accept: 'application/json', ...sent.headers });
      authenticate(await this.parts.server(), { client_id: clientId }, form, headers);
      const request = providerClientAuth(template, { url, headers, body: form });
      const written =
        sent.body === 'none'
          ? { headers: request.headers }
          : encoded(sent.body, request.headers, Object.fromEntries(form));
      answer = await this.#send(url, { method, ...written }, limit);
      if (answer.status !== 401) return answer;
    }
    return answer ?? { status: 401, headers: new Headers(), text: '' };
  }

  async #authentications(auth: 'client' | 'client_secret_basic'): Promise<readonly ClientAuth[]> {
    if (auth === 'client_secret_basic')
      return (await this.parts.secrets()).map((secret) => ClientSecretBasic(secret.reveal()));
    const identity = await this.parts.identity();
    const live = await identity.authentications(await this.parts.server());
    return live.map(({ method }) => method);
  }

  async #ask({ method, url, headers, body }: Call, token: Secret): Promise<ProviderAnswer> {
    const accept = { accept: 'application/json' };
    const init = {
      method,
      headers: { ...accept, ...headers },
      ...(body === undefined ? {} : { body }),
    };
    return this.#send(await this.#filled(url, token), init);
  }

  async #send(url: string, init: RequestInit, limit = this.parts.limit): Promise<ProviderAnswer> {
    const answer = await limit.run(() => this.parts.outbound.fetch(url, init));
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }

  // Some providers have the token in the address; libs/outbound names origins only, and addresses are not logged.
  async #filled(text: string, token: Secret, encode = encodeURIComponent): Promise<string> {
    if (!text.includes('{')) return text;
    const { clientId } = await this.parts.identity();
    return text
      .replaceAll('{token}', () => encode(token.reveal()))
      .replaceAll('{clientId}', () => encode(clientId));
  }

  async #filledAll(params: Revocation['params'], token: Secret): Promise<Revocation['params']> {
    const filled: Revocation['params'] = {};
    for (const [name, value] of Object.entries(params))
      filled[name] =
        typeof value === 'string'
          ? await this.#filled(value, token, (text) => String(text))
          : value;
    return filled;
  }
}

function bodyOf(
  format: 'form' | 'json',
  given: Readonly<Record<string, string>>,
  members: Revocation['params'],
): { headers: Record<string, string>; body: string } {
  const { headers, body } = encoded(format, new Headers(given), members);
  return { headers: Object.fromEntries(headers), body };
}

function ownHeader(
  { inject }: Template,
  auth: Revocation['auth'],
  token: Secret,
): Record<string, string> {
  if (auth === 'none') return {};
  if (auth === 'bearer') return { authorization: `Bearer ${token.reveal()}` };
  const { header = 'Authorization', scheme = 'Bearer' } = inject ?? {};
  return { [header]: `${scheme} ${token.reveal()}`.trim() };
}
