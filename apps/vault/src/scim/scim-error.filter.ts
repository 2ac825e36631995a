import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemOf } from '#lib/nest/problem.filter';
import type { VaultLogger } from '../log-events.js';
import { LOGGER } from '../tokens.js';
import { ScimRefusal, scimErrorBody } from './domain/scim-refusal.js';

/** Refusals as RFC 7644 §3.12 has them; what nobody expected is a bare 500. */
@Catch()
export class ScimErrorFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: VaultLogger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    if (error instanceof ScimRefusal) return send(reply, error);
    const problem = problemOf(error);
    const { code, status, detail, cause } = problem;
    const requestId = http.getRequest<FastifyRequest>().id;
    if (status >= 500)
      this.logger.error({ event: 'http.failed', requestId, code, err: cause ?? error });
    void reply.headers(problem.headers);
    send(reply, { status, detail });
  }
}

function send(
  reply: FastifyReply,
  {
    status,
    detail,
    scimType,
  }: Pick<ScimRefusal, 'detail'> & Partial<Pick<ScimRefusal, 'scimType'>> & { status: number },
): void {
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="symbolon scim"');
  void reply
    .code(status)
    .headers({ 'content-type': 'application/scim+json', 'cache-control': 'no-store' })
    .send(JSON.stringify(scimErrorBody(status, detail, scimType)));
}
