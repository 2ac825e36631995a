import { Catch, Inject } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemFilter, problemOf } from '#lib/nest/problem.filter';
import { SealBroken } from '#lib/sealing/message';
import type { VaultLogger } from '../log-events.js';
import { LOGGER } from '../tokens.js';
import { problemPage, sessionOverPage } from './problem-page.js';
import { sendPage } from './send-page.js';

/** Refusals of browser routes as pages. */
@Catch()
export class ProblemPageFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: VaultLogger) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = problemOf(error);
    if (problem.status >= 500) {
      const { code, cause } = problem;
      const entry = { requestId: request.id, code, err: cause ?? error };
      // A stored secret that does not open was changed or moved: somebody has to look.
      if (error instanceof SealBroken) this.logger.fatal({ event: 'seal.broken', ...entry });
      else this.logger.error({ event: 'page.failed', ...entry });
    }
    if (reply.sent) return;
    const page =
      problem.code === 'unauthenticated'
        ? sessionOverPage(pathOf(request), request.id)
        : problemPage(problem, request.id);
    await sendPage(reply, page);
  }
}

/** For addresses that no route has: a page where a browser navigates, problem+json for everybody else. */
@Catch()
export class ProblemChoiceFilter implements ExceptionFilter {
  readonly #page: ProblemPageFilter;
  readonly #json: ProblemFilter;

  constructor(logger: VaultLogger) {
    this.#page = new ProblemPageFilter(logger);
    this.#json = new ProblemFilter(logger);
  }

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    if (wantsPage(request)) return this.#page.catch(error, host);
    this.#json.catch(error, host);
  }
}

const machinePaths =
  /^\/(admin|oauth2|gateway|scim|interactions|openapi\.json|\.well-known|healthz|readyz)(\/|\?|$)/;

function wantsPage({ url, headers }: FastifyRequest): boolean {
  return !machinePaths.test(url) && (headers.accept ?? '').includes('text/html');
}

// Every form is sent to the address of a page, so that page is where to go on after signing in.
function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/';
}
