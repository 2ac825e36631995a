import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createRequestId } from '#lib/observability/request-id';
import { Problem } from '#lib/problem/problem';
import { renderProblemJson } from '#lib/problem/render';
import { type Calls, CallServer } from '../connection/call-server.js';
import type { CallRequest, CallResponse } from '../connection/exchange.js';
import { idleSeconds } from '../connection/written-head.js';
import type { LoadShedding } from '../shedding/load-shedding.js';
import { isCall, ShedAnswers } from '../shedding/shed-answer.js';
import { answerCors } from './cors.js';
import { InboundMessage } from './inbound-message.js';
import type { Inbound, Refusal } from './inbound.js';

type Load = Pick<LoadShedding, 'refuses' | 'wasShed' | 'enter' | 'left'>;

/** Whether a request is to be served; where not, it has its answer. */
export type RequestCheck = (request: CallRequest, response: CallResponse) => boolean;

/** Slow senders are cut: 10 s for a head (row 30); a body may stream for as long as five minutes. */
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 300_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: idleSeconds * 1000,
};

/** The listening server, where what does not pass `check` ends. */
export function checkedServer(
  check: RequestCheck,
  calls: Calls,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = new CallServer(
    { ...limits, IncomingMessage: InboundMessage },
    (request, response) => {
      if (check(request, response)) listener(request, response);
    },
    {
      takes: (request) => calls.takes(request),
      serve: (request, response) => {
        if (check(request, response)) calls.serve(request, response);
      },
    },
  );
  // Node drops headers beyond its count in silence; the check counts them all, their size is bounded anyway.
  server.maxHeadersCount = 0;
  return server;
}

/**
 * What comes before all else: malformed requests end here, before a router may decode or tidy up their target. Browsers of
 * an allowed origin get their CORS headers here too. What is too much is shed here, before its token is looked at or its
 * body read.
 */
export function requestCheck(inbound: Pick<Inbound, 'refuseMalformed'>, load?: Load): RequestCheck {
  const answers = new ShedAnswers();
  return (request, response) => {
    const refusal = inbound.refuseMalformed(request);
    if (refusal !== undefined) {
      refuse(response, refusal);
      return false;
    }
    const { origin } = request.headers;
    if (origin !== undefined && !isMetadata(request) && answerCors(request, response, origin))
      return false;
    return load === undefined || !isShed(load, { request, response, answers });
  };
}

function refuse(response: CallResponse, { status, code, detail, headers: added }: Refusal): void {
  const problem = new Problem(code, detail, { headers: added });
  const { headers, body } = renderProblemJson(problem, createRequestId());
  // What follows on a connection that began with nonsense is not worth reading.
  response.writeHead(status, { ...headers, connection: 'close' }).end(body);
}

/** Answers a call that is not begun, and counts one that is until its answer has ended. */
function isShed(
  load: Load,
  {
    request,
    response,
    answers,
  }: { request: CallRequest; response: CallResponse; answers: ShedAnswers },
): boolean {
  const reason = load.refuses();
  if (reason !== undefined && isCall(request)) {
    load.wasShed(reason);
    answers.add(request, response);
    return true;
  }
  load.enter();
  response.on('close', load.left);
  return false;
}

function isMetadata({ url = '' }: CallRequest): boolean {
  return url.startsWith('/.well-known/');
}
