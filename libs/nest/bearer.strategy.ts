import type { IncomingMessage } from 'node:http';
import passport from 'passport';
import { Problem } from '#lib/problem/problem';

/** What the guard hands to the strategy: one strategy serves every kind of bearer token. */
export interface BearerOptions {
  /** Rejects with a Problem. */
  verify(token: string): Promise<object>;
}

/** RFC 6750 §2.1: the Authorization header, once, and no other place. */
class BearerStrategy extends passport.Strategy {
  override readonly name = 'bearer';

  /** Passport was made for Node's request; Fastify's wraps it. */
  override authenticate(
    request: IncomingMessage | { raw: IncomingMessage },
    options: BearerOptions,
  ): void {
    const given = authorizationHeaders('raw' in request ? request.raw : request);
    if (given.length > 1)
      return this.error(new Problem('invalid-request', 'Send one Authorization header.'));
    const token = /^Bearer +([\w.~+/-]+=*)$/i.exec(given[0] ?? '')?.[1];
    if (token === undefined) return this.fail(401);
    options.verify(token).then(
      (user) => this.success(user),
      (error: unknown) => this.error(error),
    );
  }
}

// Node silently keeps the first of several; the raw list has them all.
function authorizationHeaders({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization',
  );
}

passport.use(new BearerStrategy());
