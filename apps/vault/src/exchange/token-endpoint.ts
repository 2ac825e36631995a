import { tokenExchangeGrant } from '#lib/contract/exchange';
import { renderOAuthError, type RenderedProblem } from '#lib/problem/render';
import type { Refusals } from '../audit/refusals.js';
import type { VaultLogger } from '../log-events.js';
import { type AssertionAuthenticator, authenticateClient } from './authenticate-client.js';
import {
  exchangeParameters,
  type OAuthRefusal,
  parametersOnce,
  serviceParameters,
  type ServiceParameters,
} from './domain/exchange-parameters.js';
import type { ExchangeCall } from './exchange-call.js';
import type { ExchangeAnswer, ExchangeToken } from './exchange-token.js';
import type { ServiceCall, ServiceToken } from './service-token.js';
import { refusalRecord, strangerRecord } from './refusal-record.js';

const statuses: Partial<Record<OAuthRefusal['error'], number>> = {
  invalid_client: 401,
  temporarily_unavailable: 503,
};

const unexpected: OAuthRefusal = {
  error: 'temporarily_unavailable',
  description: 'The vault cannot answer this now.',
  retryAfterSeconds: 1,
};

/** RFC 6749 §3.2 around the exchange: client authentication first, answers that nobody may store. */
export class TokenEndpoint {
  constructor(
    private readonly clients: AssertionAuthenticator,
    private readonly tokens: { readonly persons: ExchangeToken; readonly services: ServiceToken },
    private readonly logger: VaultLogger,
    private readonly refusals: Refusals,
  ) {}

  /** Never throws: what was not foreseen is 503 and a line in the log. */
  async answer(body: unknown, requestId: string): Promise<RenderedProblem> {
    try {
      return render(await this.#answer(body, requestId));
    } catch (error) {
      this.logger.error({ event: 'exchange.failed', requestId, err: error });
      return render(unexpected);
    }
  }

  async #answer(body: unknown, requestId: string): Promise<ExchangeAnswer> {
    const once = parametersOnce(body);
    if (!once.ok) return this.#logged(once.refusal, requestId);
    const { form } = once;
    const client = await authenticateClient(this.clients, form);
    if ('error' in client) {
      void this.refusals.note(strangerRecord(client.error, requestId));
      return this.#logged(client, requestId);
    }
    if (form.grant_type === 'client_credentials')
      return this.#serve(serviceParameters(form), { client, requestId });
    if (form.grant_type !== tokenExchangeGrant)
      return {
        error: 'unsupported_grant_type',
        description: `Use ${tokenExchangeGrant}, or client_credentials.`,
      };
    const parameters = exchangeParameters(form);
    if ('error' in parameters) return this.#logged(parameters, requestId);
    const call = { client, parameters, requestId };
    return this.#noted(call, await this.tokens.persons.exchange(call));
  }

  async #serve(
    parameters: ServiceParameters | OAuthRefusal,
    asking: Pick<ServiceCall, 'client' | 'requestId'>,
  ): Promise<ExchangeAnswer> {
    if ('error' in parameters) return this.#logged(parameters, asking.requestId);
    const call = { ...asking, parameters };
    return this.#noted(call, await this.tokens.services.serve(call));
  }

  #noted(call: ExchangeCall | ServiceCall, answer: ExchangeAnswer): ExchangeAnswer {
    this.#note(call, answer);
    const { client, requestId } = call;
    return 'error' in answer ? this.#logged(answer, requestId, client.document.slug) : answer;
  }

  #note(call: ExchangeCall | ServiceCall, answer: ExchangeAnswer): void {
    if ('token' in answer) return;
    const error = 'interaction' in answer ? answer.interaction.error : answer.error;
    // No refusal: something is down, and comes back.
    if (error === 'temporarily_unavailable') return;
    void this.refusals.note(refusalRecord(call, error, answer.caller));
  }

  #logged(refusal: OAuthRefusal, requestId: string, client?: string): OAuthRefusal {
    const { error, description } = refusal;
    this.logger.info({ event: 'exchange.refused', requestId, client, error, detail: description });
    return refusal;
  }
}

function render(answer: ExchangeAnswer): RenderedProblem {
  if ('token' in answer) return noStore(200, answer.token);
  if ('interaction' in answer) return noStore(400, answer.interaction);
  const { error, description, retryAfterSeconds } = answer;
  const rendered = renderOAuthError(error, description, statuses[error] ?? 400);
  if (retryAfterSeconds === undefined) return rendered;
  const headers = { ...rendered.headers, 'retry-after': String(retryAfterSeconds) };
  return { ...rendered, headers };
}

function noStore(status: number, body: object): RenderedProblem {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return { status, headers: { ...headers, pragma: 'no-cache' }, body: JSON.stringify(body) };
}
