import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '#lib/clock/clock';
import type { Outbound } from '#lib/outbound/outbound';
import type { Template } from '../templates/template.js';
import { regularTokenAnswer, type TokenAnswerExtras } from './normalise-answer.js';
import {
  providerClientAuth,
  providerPushedRequest,
  providerTokenRequest,
} from './normalise-request.js';

/** What of libs/outbound a provider uses. */
export type ProviderOutbound = Pick<Outbound, 'fetch' | 'checkUrl'>;

/**
 * Stands between openid-client and the network: what goes out is as this provider wants it, what comes back is as the
 * RFCs have it. Templates decide; there is no provider's name in code.
 */
export class NormalisingOutbound implements ProviderOutbound {
  readonly #asking = new AsyncLocalStorage<{ extras?: TokenAnswerExtras }>();

  constructor(
    private readonly outbound: ProviderOutbound,
    private readonly template: Template,
    private readonly refreshEndpoint: string | undefined,
    private readonly clock: Clock,
  ) {}

  checkUrl(url: string): ReturnType<Outbound['checkUrl']> {
    return this.outbound.checkUrl(url);
  }

  /** Runs a call, and says what the token answer within it told besides the tokens. */
  async withExtras<T>(
    call: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly extras: TokenAnswerExtras | undefined }> {
    const heard: { extras?: TokenAnswerExtras } = {};
    const result = await this.#asking.run(heard, call);
    return { result, extras: heard.extras };
  }

  readonly fetch: ProviderOutbound['fetch'] = async (input, init = {}) => {
    const { body } = init;
    if (typeof input !== 'string' || !(body instanceof URLSearchParams))
      return this.outbound.fetch(input, init);
    const request = { url: input, headers: new Headers(init.headers), body };
    // RFC 9126 §2.1: nothing else that is posted names a response type.
    if (body.has('response_type')) {
      const { url, ...sent } = providerPushedRequest(this.template, request);
      return this.outbound.fetch(url, { ...init, ...sent });
    }
    if (!body.has('grant_type')) {
      const { headers } = providerClientAuth(this.template, request);
      return this.outbound.fetch(input, { ...init, headers });
    }
    const { url, ...sent } = providerTokenRequest(this.template, request, this.refreshEndpoint);
    return this.#regular(await this.outbound.fetch(url, { ...init, ...sent }));
  };

  async #regular(answer: Response): Promise<Response> {
    const { status, headers } = answer;
    const text = await answer.text();
    const now = this.clock.now();
    const { response, extras } = regularTokenAnswer(this.template, { status, headers, text }, now);
    const heard = this.#asking.getStore();
    if (heard && extras) heard.extras = extras;
    return response;
  }
}
