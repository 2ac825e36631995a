import { onlyAudiences } from '#lib/jwt/audience';
import { parseCompactToken } from '#lib/jwt/compact-token';
import type { TokenVerifier } from '#lib/jwt/token-verifier';
import { renderOAuthError, type RenderedProblem } from '#lib/problem/render';
import type { Database } from '../database/database.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { signInResources } from '../registry/sign-in-resources.js';
import { hashOf, isOpaque } from '../web/opaque.js';
import type { PostgresClientSessions } from './postgres-client-sessions.js';

/** RFC 7009 for the clients of sign-ins: either token ends the session, and with it both. */
export class RevokeSession {
  constructor(
    private readonly database: Database,
    private readonly sessions: PostgresClientSessions,
    private readonly verifier: TokenVerifier,
    private readonly registry: Registry,
  ) {}

  /** §2.2: 200 for whatever is not (any more) a token of this client. */
  async answer(body: unknown): Promise<RenderedProblem> {
    const { token, client_id: clientId } = (body ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof token !== 'string' || typeof clientId !== 'string')
      return renderOAuthError('invalid_request', 'Send token and client_id, each once.');
    if (isOpaque(token)) await this.#endByRefreshToken(token, clientId);
    else await this.#endByAccessToken(token, clientId);
    return { status: 200, headers: { 'cache-control': 'no-store' }, body: '' };
  }

  #endByRefreshToken(token: string, clientId: string): Promise<void> {
    return this.database.transaction(async (tx) => {
      const session = await this.sessions.lockByRefreshToken(tx, hashOf(token));
      if (session?.clientId === clientId) await this.sessions.end(tx, session.id);
    });
  }

  async #endByAccessToken(token: string, clientId: string): Promise<void> {
    const parsed = parseCompactToken(token);
    if ('refusal' in parsed) return;
    const resources = signInResources(this.registry.current()).map(({ resource }) => resource);
    const verified = await this.verifier.verify(token, onlyAudiences(resources));
    const { sid } = parsed.claims;
    // A corporate token may be good at the same resources; its `sid` is none of ours.
    if (!verified.ok || verified.caller.signedInHere !== true) return;
    if (verified.caller.application !== clientId || typeof sid !== 'string') return;
    await this.database.transaction((tx) => this.sessions.end(tx, sid));
  }
}
