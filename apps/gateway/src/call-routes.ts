import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequestId } from '#lib/observability/request-id';
import type { RawExchange } from './http/http-exchange.js';

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** Serves the exchange whose target stands behind the route's prefix; false where that is none of its targets. */
export type CallRoute = (exchange: RawExchange) => boolean;

/**
 * The routes by which calls reach upstreams, found by how their targets begin. They are asked before the framework's
 * router: of its parsing, hooks and middleware a call that is passed on needs nothing.
 */
export class CallRoutes {
  readonly #byPrefix: { readonly prefix: string; readonly route: CallRoute }[] = [];

  add(prefix: string, route: CallRoute): void {
    this.#byPrefix.push({ prefix, route });
  }

  /** What is no call is `next`'s. */
  before(next: Listener): Listener {
    return (request, response) => {
      const target = request.url ?? '';
      for (const { prefix, route } of this.#byPrefix)
        if (target.startsWith(prefix)) {
          if (route({ request, response, requestId: createRequestId() })) return;
          break;
        }
      next(request, response);
    };
  }
}
