import { type ExecutionContext, Inject } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import '#lib/nest/bearer.strategy';
import type { BearerOptions } from '#lib/nest/bearer.strategy';
import type { Refusals } from '../audit/refusals.js';
import { REFUSALS, SCIM_ACCESS } from '../tokens.js';
import { ScimRefusal } from './domain/scim-refusal.js';
import type { ScimAccess } from './scim-access.js';
import type { ScimCaller } from './scim-caller.js';

/** Opens `/scim/v2/{issuer}` to the bearer token of that issuer's identity provider, and to nothing else. */
export class ScimGuard extends AuthGuard('bearer') {
  constructor(
    @Inject(SCIM_ACCESS) private readonly access: ScimAccess,
    @Inject(REFUSALS) private readonly refusals: Refusals,
  ) {
    super();
  }

  override getAuthenticateOptions(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const options: BearerOptions = { verify: (token) => this.#verify(token, request) };
    return { session: false, property: 'scim', ...options };
  }

  override handleRequest<User>(error: unknown, user: User | false): User {
    if (error instanceof Error) throw error;
    if (user) return user;
    throw unauthorized();
  }

  async #verify(token: string, request: FastifyRequest): Promise<ScimCaller> {
    const slug = (request.params as { issuer: string }).issuer;
    const caller = await this.access.opened(slug, token, request.id);
    if (caller) return caller;
    void this.refusals.note({
      action: 'scim.refused',
      outcome: 'refused',
      actor: { kind: 'machine' },
      target: {},
      requestId: request.id,
    });
    throw unauthorized();
  }
}

// The same words for an issuer that is not there: the registry is not to be explored.
function unauthorized(): ScimRefusal {
  return new ScimRefusal(
    401,
    undefined,
    'Send the token that an administrator made for this address as Authorization: Bearer.',
  );
}
