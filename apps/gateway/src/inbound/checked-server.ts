import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequestId } from '#lib/observability/request-id';
import { Problem } from '#lib/problem/problem';
import { renderProblemJson } from '#lib/problem/render';
import type { LoadShedding } from '../shedding/load-shedding.js';
import { isCall, ShedAnswers } from '../shedding/shed-answer.js';
import { answerCors } from './cors.js';
import { InboundMessage } from './inbound-message.js';
import type { Inbound } from './inbound.js';

type Listener = (request: IncomingMessage, response: ServerResponse) => void;
type Load = Pick<LoadShedding, 'refuses' | 'wasShed' | 'enter' | 'left'>;

/** Slow senders are cut: 10 s for a head (row 30); a body may stream for as long as five minutes. */
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 300_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 65_000,
};

/**
 * The listening server: malformed requests end here, before a router may decode or tidy up their target.
 * Browsers of an allowed origin get their CORS headers here too. What is too much is shed here, before its token is
 * looked at or its body read.
 */
export function checkedServer(
  inbound: Pick<Inbound, 'refuseMalformed'>,
  listener: Listener,
  load?: Load,
): Server {
  const answers = new ShedAnswers();
  const server = createServer(
    { ...limits, IncomingMessage: InboundMessage },
    (request, response) => {
      const refusal = inbound.refuseMalformed(request);
      if (refusal === undefined) {
        const { origin } = request.headers;
        if (origin !== undefined && !isMetadata(request) && answerCors(request, response, origin))
          return;
        if (load !== undefined && isShed(load, { request, response, answers })) return;
        listener(request, response);
        return;
      }
      const problem = new Problem(refusal.code, refusal.detail, { headers: refusal.headers });
      const { headers, body } = renderProblemJson(problem, createRequestId());
      // What follows on a connection that began with nonsense is not worth reading.
      response.writeHead(refusal.status, { ...headers, connection: 'close' }).end(body);
    },
  );
  // Node drops headers beyond its count in silence; the check counts them all, their size is bounded anyway.
  server.maxHeadersCount = 0;
  return server;
}

/** Answers a call that is not begun, and counts one that is until its answer has ended. */
function isShed(
  load: Load,
  {
    request,
    response,
    answers,
  }: { request: IncomingMessage; response: ServerResponse; answers: ShedAnswers },
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

function isMetadata({ url = '' }: IncomingMessage): boolean {
  return url.startsWith('/.well-known/');
}
