import { type ExecutionContext, Inject } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import '#lib/nest/bearer.strategy';
import type { BearerOptions } from '#lib/nest/bearer.strategy';
import { Problem } from '#lib/problem/problem';
import { AdminAuthentication } from './admin-authentication.js';
import type { AdminPrincipal } from './admin-principal.js';

const reads = ['GET', 'HEAD'];

/** Opens `/admin/v1`: bearer tokens only, so no cookie can ever act as an administrator. */
export class AdminGuard extends AuthGuard('bearer') {
  constructor(@Inject(AdminAuthentication) private readonly authentication: AdminAuthentication) {
    super();
  }

  override getAuthenticateOptions(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const options: BearerOptions = { verify: (token) => this.#verify(token, request) };
    return { session: false, property: 'admin', ...options };
  }

  override handleRequest<User>(error: unknown, user: User | false): User {
    if (error instanceof Error) throw error;
    if (user) return user;
    throw new Problem('unauthenticated', 'Send an admin token as Authorization: Bearer.', {
      headers: { 'www-authenticate': 'Bearer realm="symbolon admin"' },
    });
  }

  protected isRead({ method }: FastifyRequest): boolean {
    return reads.includes(method);
  }

  async #verify(token: string, request: FastifyRequest): Promise<AdminPrincipal> {
    const path = request.url.split('?', 1)[0] ?? '';
    const use = { requestId: request.id, method: request.method, path };
    const principal = await this.authentication.authenticate(token, use);
    if (principal.role === 'auditor' && !this.isRead(request))
      throw new Problem('forbidden', 'The auditor role reads only.');
    return principal;
  }
}

/** For what changes nothing, although its question needs a body: auditors may ask it, too. */
export class AdminReadingGuard extends AdminGuard {
  protected override isRead(): boolean {
    return true;
  }
}

/** A request that has passed the guard. */
export interface AdminRequest extends FastifyRequest {
  readonly admin: AdminPrincipal;
}

/** Whom the audit log names for what a request does. */
export function by({ admin, id }: AdminRequest) {
  return { actor: admin.actor, requestId: id };
}
