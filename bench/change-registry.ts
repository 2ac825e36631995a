import type { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import type { FaultStack } from '../test/faults/stack/fault-stack.js';

/** By the admin API: PATCH changes what `body` names, PUT makes it. */
export async function changeRegistry(
  stack: FaultStack,
  path: string,
  body: object,
  method: 'PATCH' | 'PUT' = 'PATCH',
): Promise<void> {
  const answer = await fetch(`${stack.front.origin}/admin/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${stack.adminToken}`,
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  await answer.body?.cancel();
}

/** A second provider, and an upstream that its tokens open. */
export async function registerProvider(
  stack: FaultStack,
  slug: string,
  server: ScriptableAuthorizationServer,
): Promise<void> {
  const client = {
    ...{ slug, name: slug, issuer: server.issuer, clientId: 'symbolon' },
    ...{ clientSecret: 'provider-secret', scopes: ['openid', 'offline_access', 'read'] },
  };
  await changeRegistry(stack, `oauth-clients/${slug}`, client, 'PUT');
  const upstream = {
    ...{ slug: `${slug}-tool`, name: slug, type: 'http', url: `${stack.api.origin}/${slug}` },
    credential: { type: 'oauth', oauthClient: slug },
  };
  await changeRegistry(stack, `upstreams/${slug}-tool`, upstream, 'PUT');
}
