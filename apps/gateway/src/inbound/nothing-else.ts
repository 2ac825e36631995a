import type { FastifyInstance } from 'fastify';
import { Problem } from '#lib/problem/problem';
import { renderProblemJson } from '#lib/problem/render';

const nothing = new Problem('not-found', 'There is nothing here.');

/** Every other path: 404 as a problem document, for any method. */
export function registerNothingElse(fastify: FastifyInstance): void {
  fastify.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.all('/*', (request, reply) => {
      const { status, headers, body } = renderProblemJson(nothing, request.id);
      return reply.code(status).headers(headers).send(body);
    });
    done();
  });
}
