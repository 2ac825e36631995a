import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { Caller } from '#lib/jwt/caller';
import type { RawExchange } from '../http/http-exchange.js';
import type { BroughtToken } from '../inbound/brought-token.js';
import type { Admitted, Inbound, Refusal } from '../inbound/inbound.js';
import { goneSignal } from '../mcp/endpoint-answers.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { guestsProfile, type ClientProfile, type FederatedCall } from './federated-call.js';
import { lackingAt } from './lacking-at.js';

/** A request to `/mcp` once it is known who sends it. */
export class JoinedCall implements FederatedCall {
  readonly requestId: string;
  readonly request: RawExchange['request'];
  readonly response: RawExchange['response'];
  readonly caller: Caller;
  readonly token: string;
  readonly outcome: FederatedCall['outcome'] = {};
  // Until the message says more.
  client: ClientProfile = guestsProfile;
  /** Set once the call counts among those that are open. */
  leave: (() => void) | undefined;
  #gone: AbortSignal | undefined;

  constructor(
    { requestId, request, response }: RawExchange,
    { caller, token }: Admitted,
    private readonly inbound: Inbound,
    readonly startedMs: number,
  ) {
    this.requestId = requestId;
    this.request = request;
    this.response = response;
    this.caller = caller;
    this.token = token;
  }

  /** Few calls ask, and a signal costs more than all the rest of this. */
  get gone(): AbortSignal {
    return (this.#gone ??= goneSignal(this.response));
  }

  brought(upstream: UpstreamConfig): BroughtToken | undefined {
    return this.inbound.brought(this.request, upstream, this.token);
  }

  lacking(upstream: PreparedUpstream): Refusal | undefined {
    return lackingAt(this.inbound, this.caller, upstream);
  }
}
