import type { FastifyInstance } from 'fastify';
import type { IssuerConfig, UpstreamConfig } from '#lib/contract/config-snapshot';
import { createRequestId } from '#lib/observability/request-id';
import { Problem } from '#lib/problem/problem';
import { renderProblemJson } from '#lib/problem/render';
import { describedResource, resourceMetadata } from './resource-metadata.js';

export interface MetadataRouteDeps {
  readonly publicUrl: string;
  readonly catalogue: {
    readonly ready: boolean;
    readonly issuers: readonly IssuerConfig[];
    /** The vault's own `iss`, for resources where people consent as they sign in. */
    readonly signInIssuer: string | undefined;
    find(slug: string): { readonly config: UpstreamConfig } | undefined;
  };
}

const cors = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, OPTIONS',
  'access-control-allow-headers': '*',
};

/** RFC 9728 metadata of the gateway and, path-inserted, of each of its resources; public, any origin. */
export function registerMetadataRoutes(fastify: FastifyInstance, deps: MetadataRouteDeps): void {
  const paths = [
    '/.well-known/oauth-protected-resource',
    '/.well-known/oauth-protected-resource/*',
  ];
  for (const path of paths) {
    fastify.options(path, (_request, reply) => reply.code(204).headers(cors).send());
    fastify.get(path, (request, reply) => {
      const resource = describedResource(request.raw.url?.split('?', 1)[0] ?? '');
      const problem = metadataProblem(resource, deps.catalogue.ready);
      if (problem) {
        const { status, headers, body } = renderProblemJson(problem, createRequestId());
        return reply
          .code(status)
          .headers({ ...headers, ...cors })
          .send(body);
      }
      const { issuers } = deps.catalogue;
      const signIn = signInIssuerOf(resource ?? '', deps.catalogue);
      const metadata = resourceMetadata(deps.publicUrl, resource ?? '', issuers, signIn);
      const caching = { 'cache-control': 'public, max-age=60' };
      return reply
        .code(200)
        .headers({ 'content-type': 'application/json', ...caching, ...cors })
        .send(metadata);
    });
  }
}

/** Where people consent as they sign in: the vault, which leads them through both; opt-in per upstream. */
function signInIssuerOf(
  resource: string,
  catalogue: MetadataRouteDeps['catalogue'],
): string | undefined {
  const [, type, slug = ''] = resource.split('/');
  const config = catalogue.find(slug)?.config;
  return config?.consentAtSignIn === true && config.type === type
    ? catalogue.signInIssuer
    : undefined;
}

function metadataProblem(resource: string | undefined, ready: boolean): Problem | undefined {
  if (resource === undefined) return new Problem('not-found', 'This is no protected resource.');
  if (ready) return undefined;
  const headers = { 'retry-after': '2' };
  return new Problem('temporarily-unavailable', 'This gateway has no configuration yet.', {
    headers,
  });
}
