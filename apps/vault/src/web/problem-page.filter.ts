import { Catch, HttpException, Inject } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '#lib/observability/logger';
import { Problem } from '#lib/problem/problem';
import type { ProblemCode } from '#lib/problem/catalogue';
import { LOGGER } from '../tokens.js';
import { problemPage, sessionOverPage } from './problem-page.js';
import { sendPage } from './send-page.js';

const codes: Readonly<Record<number, ProblemCode>> = {
  400: 'invalid-request',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  413: 'too-large',
  414: 'invalid-request',
  415: 'unsupported-media-type',
  429: 'too-many-requests',
};

/** Whatever was thrown, as a refusal; what we did not foresee is a bare 500. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = error instanceof HttpException ? error.getStatus() : statusCodeOf(error);
  const code = codes[status] ?? 'internal';
  const detail =
    code === 'internal'
      ? 'Something went wrong on our side.'
      : 'Go back to the page you came from and try again.';
  return new Problem(code, detail, { cause: error });
}

/** Refusals of browser routes as pages. */
@Catch()
export class ProblemPageFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const problem = problemOf(error);
    if (problem.status >= 500)
      this.logger.error({
        event: 'page.failed',
        requestId: request.id,
        code: problem.code,
        err: error,
      });
    const page =
      problem.code === 'unauthenticated'
        ? sessionOverPage(pathOf(request))
        : problemPage(problem, request.id);
    await sendPage(http.getResponse<FastifyReply>(), page);
  }
}

// Every form is sent to the address of a page, so that page is where to go on after signing in.
function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/';
}

// Fastify's own refusals (a body too large, a bad content type) carry their status.
function statusCodeOf(error: unknown): number {
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : 500;
  return typeof status === 'number' ? status : 500;
}
