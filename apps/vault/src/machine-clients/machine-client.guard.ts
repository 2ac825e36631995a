import { type ExecutionContext, Inject } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import '#lib/nest/bearer.strategy';
import type { BearerOptions } from '#lib/nest/bearer.strategy';
import { Problem } from '#lib/problem/problem';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Stored } from '../registry/registry-snapshot.js';
import { MachineClientAuthenticator } from './machine-client-authenticator.js';

const challenge = 'Bearer realm="symbolon gateways"';

/** Opens `/gateway/v1`: the assertion of the token endpoint, as a bearer token. */
export class MachineClientGuard extends AuthGuard('bearer') {
  constructor(
    @Inject(MachineClientAuthenticator) private readonly clients: MachineClientAuthenticator,
  ) {
    super();
  }

  override getAuthenticateOptions(_context: ExecutionContext) {
    const options: BearerOptions = { verify: (assertion) => this.#verify(assertion) };
    return { session: false, property: 'machineClient', ...options };
  }

  override handleRequest<User>(error: unknown, user: User | false): User {
    if (error instanceof Error) throw error;
    if (user) return user;
    throw new Problem('unauthenticated', 'Send the assertion of a machine client as a bearer.', {
      headers: { 'www-authenticate': challenge },
    });
  }

  /** Which kinds come through here: those that get tokens. */
  protected admits({ kind }: MachineClient): boolean {
    return kind !== 'external';
  }

  async #verify(assertion: string): Promise<Stored<MachineClient>> {
    const client = await this.clients.authenticate(assertion);
    if (client && !this.admits(client.document))
      throw new Problem('forbidden', 'This is not for machine clients of this kind.');
    if (client) return client;
    throw new Problem('invalid-token', 'The assertion is not one of a machine client.', {
      headers: { 'www-authenticate': `${challenge}, error="invalid_token"` },
    });
  }
}

/** A request that has passed the guard. */
export interface MachineClientRequest extends FastifyRequest {
  readonly machineClient: Stored<MachineClient>;
}
