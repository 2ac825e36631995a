import type { FastifyInstance } from 'fastify';

/** RFC 7396's media type for PATCH; YAML and NDJSON as text, for `apply` and imports; beside Fastify's own application/json. */
export function addAdminContentTypes(fastify: FastifyInstance): void {
  if (!fastify.hasContentTypeParser('application/merge-patch+json'))
    fastify.addContentTypeParser(
      'application/merge-patch+json',
      { parseAs: 'string' },
      fastify.getDefaultJsonParser('error', 'error'),
    );
  for (const type of ['application/yaml', 'application/x-ndjson'])
    if (!fastify.hasContentTypeParser(type))
      fastify.addContentTypeParser(type, { parseAs: 'string' }, (_, body, done) =>
        done(null, body),
      );
}
