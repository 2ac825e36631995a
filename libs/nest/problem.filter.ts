import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '#lib/observability/logger';
import type { ProblemCode } from '#lib/problem/catalogue';
import { Problem } from '#lib/problem/problem';
import { renderProblemJson } from '#lib/problem/render';

const codeOfStatus: Readonly<Record<number, ProblemCode>> = {
  400: 'invalid-request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  413: 'too-large',
  415: 'unsupported-media-type',
  429: 'too-many-requests',
};

const details: Partial<Record<ProblemCode, string>> = {
  'invalid-request': 'The request is not well formed. Send valid JSON with its content type.',
  'not-found': 'Check the method and the address.',
  'too-large': 'A body may have at most 1 MiB.',
  'unsupported-media-type': 'Send application/json.',
  'too-many-requests': 'Wait before you try again.',
};

/** Renders every exception as RFC 9457 with the request's id; what nobody expected is a bare 500. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = problemOf(exception);
    this.#log(problem, request);
    if (reply.sent) return;
    const { status, headers, body } = renderProblemJson(problem, request.id);
    void reply.code(status).headers(headers).send(body);
  }

  #log(problem: Problem, request: FastifyRequest): void {
    const entry = { requestId: request.id, code: problem.code, err: problem.cause };
    if (problem.status >= 500) this.logger.error({ event: 'http.failed', ...entry });
    else if (problem.cause !== undefined) this.logger.info({ event: 'http.refused', ...entry });
  }
}

/** The exception as one of our problems; its own text never reaches the caller unless it is ours. */
export function problemOf(exception: unknown): Problem {
  if (exception instanceof Problem) return exception;
  const code = codeOfStatus[statusOf(exception) ?? 500];
  if (code !== undefined)
    return new Problem(code, details[code] ?? 'The request is refused.', { cause: exception });
  return new Problem('internal', 'Tell support the request id.', { cause: exception });
}

// Nest's exceptions, and Fastify's errors of reading the request (FST_ERR_CTP_…).
function statusOf(exception: unknown): number | undefined {
  if (exception instanceof HttpException) return exception.getStatus();
  if (!(exception instanceof Error) || !('statusCode' in exception)) return undefined;
  return typeof exception.statusCode === 'number' ? exception.statusCode : undefined;
}
