import type { JWK } from 'jose';
import type { StackWorld } from './stack-world.js';

/** What an administrator sets up: the issuer, the registration at the provider, the upstreams, the gateway. */
export async function registerStack(stack: StackWorld, gatewayKey: JWK): Promise<void> {
  const { names, audience } = stack;
  await put(stack, `issuers/${names.issuer}`, {
    slug: names.issuer,
    ...(audience === stack.gatewayOrigin ? {} : { audiences: [audience] }),
    issuer: stack.issuer.issuer,
    login: { clientId: 'vault-login', clientSecret: 'login-secret' },
  });
  await put(stack, `oauth-clients/${names.provider}`, {
    slug: names.provider,
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
      credential: { type: 'oauth', oauthClient: names.provider },
    });
  const { d: _private, ...publicKey } = gatewayKey;
  await put(stack, `machine-clients/${names.machine}`, {
    slug: names.machine,
    kind: 'gateway',
    publicUrl: stack.gatewayOrigin,
    jwks: { keys: [publicKey] },
    upstreams: stack.machineUpstreams,
  });
}

async function put(stack: StackWorld, path: string, document: unknown): Promise<void> {
  const answer = await stack.admin('PUT', path, document);
  if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
  await answer.body?.cancel();
}
