import { createRequestId } from '#lib/observability/request-id';
import type { CallRequest, CallResponse } from './connection/exchange.js';
import type { RawExchange } from './http/http-exchange.js';
import type { TracedCalls } from './tracing/traced-calls.js';

/** A way by which calls reach upstreams. */
export interface CallRoute {
  /** By the request's target: path and query, as they came. */
  takes(target: string): boolean;
  serve(exchange: RawExchange): void;
}

/**
 * The routes by which calls reach upstreams. They are asked before the framework's router: of its parsing, hooks and
 * middleware a call that is passed on needs nothing.
 */
export class CallRoutes {
  readonly #routes: CallRoute[] = [];

  constructor(private readonly traced?: TracedCalls) {}

  add(route: CallRoute): void {
    this.#routes.push(route);
  }

  takes({ url = '' }: CallRequest): boolean {
    return this.#routeOf(url) !== undefined;
  }

  /** False where it is no call. */
  serve(request: CallRequest, response: CallResponse): boolean {
    const route = this.#routeOf(request.url ?? '');
    if (route === undefined) return false;
    const exchange = { request, response, requestId: createRequestId() };
    this.traced?.begin(exchange);
    route.serve(exchange);
    return true;
  }

  /** What is no call is `next`'s. */
  before<Request extends CallRequest, Response extends CallResponse>(
    next: (request: Request, response: Response) => void,
  ): (request: Request, response: Response) => void {
    return (request, response) => {
      if (!this.serve(request, response)) next(request, response);
    };
  }

  #routeOf(target: string): CallRoute | undefined {
    for (const route of this.#routes) if (route.takes(target)) return route;
    return undefined;
  }
}
