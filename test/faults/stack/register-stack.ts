import type { JWK } from 'jose';
import type { StackWorld } from './stack-world.js';

/** What an administrator sets up: the issuer, the registration at the provider, the upstreams, the gateway. */
export async function registerStack(stack: StackWorld, gatewayKey: JWK): Promise<void> {
  await put(stack, 'issuers/corporate', {
    slug: 'corporate',
    issuer: stack.issuer.issuer,
    login: { clientId: 'vault-login', clientSecret: 'login-secret' },
  });
  await put(stack, 'oauth-clients/provider', {
    slug: 'provider',
    name: 'Provider',
    issuer: stack.provider.issuer,
    clientId: 'symbolon',
    clientSecret: 'provider-secret',
    scopes: ['openid', 'offline_access', 'read'],
  });
  for (const slug of stack.upstreams)
    await put(stack, `upstreams/${slug}`, {
      slug,
      name: slug,
      type: 'http',
      url: `${stack.api.origin}/${slug}`,
      credential: { type: 'oauth', oauthClient: 'provider' },
    });
  const { d: _private, ...publicKey } = gatewayKey;
  await put(stack, 'machine-clients/faults-gateway', {
    slug: 'faults-gateway',
    kind: 'gateway',
    publicUrl: stack.gatewayOrigin,
    jwks: { keys: [publicKey] },
    upstreams: '*',
  });
}

async function put(stack: StackWorld, path: string, document: unknown): Promise<void> {
  const answer = await stack.admin('PUT', path, document);
  if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
  await answer.body?.cancel();
}
