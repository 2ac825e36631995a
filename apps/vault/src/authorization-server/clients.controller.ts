import { Body, Controller, Get, Header, Inject, Options, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { renderOAuthError, type RenderedProblem } from '#lib/problem/render';
import { Problem } from '#lib/problem/problem';
import type { Registry } from '../registry/registry-snapshot.js';
import { signInResources } from '../registry/sign-in-resources.js';
import type { AttemptLimit } from '../web/attempt-limit.js';
import type { JsonObject } from '../registry/domain/json.js';
import { anyOrigin } from './any-origin.js';
import type { PostgresAccessTokenKeys } from './postgres-access-token-keys.js';
import type { RegisteredClient } from './postgres-registered-clients.js';
import type { RevokeSession } from './revoke-session.js';
import type { SignInClients } from './sign-in-clients.js';

export const CLIENTS_PARTS = Symbol('ClientsParts');

export interface ClientsParts {
  readonly clients: SignInClients;
  readonly keys: PostgresAccessTokenKeys;
  readonly revoking: RevokeSession;
  readonly registry: Registry;
  readonly perAddress: AttemptLimit;
  readonly inAll: AttemptLimit;
}

/** What clients ask without a person: registration (RFC 7591), keys (RFC 7517), revocation (RFC 7009). */
@Controller('oauth2')
export class ClientsController {
  constructor(@Inject(CLIENTS_PARTS) private readonly parts: ClientsParts) {}

  @Post('register')
  async register(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await send(reply, await this.#registered(body, request.ip));
  }

  @Post('revoke')
  async revoke(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await send(reply, await this.parts.revoking.answer(body, request.id));
  }

  @Get('jwks')
  @Header('cache-control', 'public, max-age=300')
  @Header('access-control-allow-origin', '*')
  async jwks(): Promise<{ keys: readonly JsonObject[] }> {
    return { keys: await this.parts.keys.published() };
  }

  /** A client that runs in a browser asks first (Fetch §3.2). No cookie counts at these addresses. */
  @Options(['register', 'revoke', 'token', 'jwks'])
  async preflight(@Res() reply: FastifyReply): Promise<void> {
    await reply.code(204).headers(anyOrigin).send();
  }

  async #registered(body: unknown, address: string): Promise<RenderedProblem> {
    const { clients, registry, perAddress, inAll } = this.parts;
    if (signInResources(registry.current()).length === 0)
      throw new Problem('not-found', 'Nobody signs in here.');
    for (const [limit, key] of [
      [perAddress, address],
      [inAll, ''],
    ] as const) {
      limit.check(key);
      limit.count(key);
    }
    const made = await clients.register(body);
    if (made === undefined)
      throw new Problem('too-many-requests', 'Too many clients wait for their first use.', {
        headers: { 'retry-after': '600' },
      });
    if ('error' in made) return renderOAuthError(made.error, made.description);
    return { status: 201, headers: noStore, body: JSON.stringify(registrationOf(made)) };
  }
}

const noStore = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  pragma: 'no-cache',
};

/** RFC 7591 §3.2.1. No secret: it would be one that everybody who installs the program has. */
function registrationOf({ clientId, name, redirectUris, createdAt }: RegisteredClient) {
  return {
    client_id: clientId,
    client_id_issued_at: Math.floor(createdAt.getTime() / 1000),
    ...(name === '' ? {} : { client_name: name }),
    redirect_uris: redirectUris,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
}

async function send(
  reply: FastifyReply,
  { status, headers, body }: RenderedProblem,
): Promise<void> {
  await reply
    .code(status)
    .headers({ ...headers, ...anyOrigin })
    .send(body);
}
