import type { FastifyInstance } from 'fastify';

/** RFC 7396's media type for PATCH, and YAML as text for `apply`, beside Fastify's own application/json. */
export function addAdminContentTypes(fastify: FastifyInstance): void {
  if (!fastify.hasContentTypeParser('application/merge-patch+json'))
    fastify.addContentTypeParser(
      'application/merge-patch+json',
      { parseAs: 'string' },
      fastify.getDefaultJsonParser('error', 'error'),
    );
  if (!fastify.hasContentTypeParser('application/yaml'))
    fastify.addContentTypeParser('application/yaml', { parseAs: 'string' }, (_, body, done) =>
      done(null, body),
    );
}
