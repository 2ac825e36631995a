import { onlyAudiences } from '#lib/jwt/audience';
import { parseCompactToken } from '#lib/jwt/compact-token';
import type { TokenVerifier } from '#lib/jwt/token-verifier';
import { renderOAuthError, type RenderedProblem } from '#lib/problem/render';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database, Transaction } from '../database/database.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { signInResources } from '../registry/sign-in-resources.js';
import { hashOf, isOpaque } from '../web/opaque.js';
import type { ClientSession, PostgresClientSessions } from './postgres-client-sessions.js';

interface Revoking {
  readonly clientId: string;
  readonly requestId: string;
}

/** RFC 7009 for the clients of sign-ins: either token ends the session, and with it both. */
export class RevokeSession {
  constructor(
    private readonly database: Database,
    private readonly sessions: PostgresClientSessions,
    private readonly verifier: TokenVerifier,
    private readonly registry: Registry,
    private readonly audit: AuditLog,
  ) {}

  /** §2.2: 200 for whatever is not (any more) a token of this client. */
  async answer(body: unknown, requestId: string): Promise<RenderedProblem> {
    const { token, client_id: clientId } = (body ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof token !== 'string' || typeof clientId !== 'string')
      return renderOAuthError('invalid_request', 'Send token and client_id, each once.');
    if (isOpaque(token)) await this.#endByRefreshToken(token, { clientId, requestId });
    else await this.#endByAccessToken(token, { clientId, requestId });
    return { status: 200, headers: { 'cache-control': 'no-store' }, body: '' };
  }

  #endByRefreshToken(token: string, by: Revoking): Promise<void> {
    return this.database.transaction(async (tx) => {
      const session = await this.sessions.lockByRefreshToken(tx, hashOf(token));
      await this.#end(tx, session, by);
    });
  }

  async #endByAccessToken(token: string, by: Revoking): Promise<void> {
    const parsed = parseCompactToken(token);
    if ('refusal' in parsed) return;
    const resources = signInResources(this.registry.current()).map(({ resource }) => resource);
    const verified = await this.verifier.verify(token, onlyAudiences(resources));
    const { sid } = parsed.claims;
    // A corporate token may be good at the same resources; its `sid` is none of ours.
    if (!verified.ok || verified.caller.signedInHere !== true) return;
    if (typeof sid !== 'string') return;
    await this.database.transaction(async (tx) =>
      this.#end(tx, await this.sessions.lock(tx, sid), by),
    );
  }

  async #end(
    tx: Transaction,
    session: ClientSession | undefined,
    { clientId, requestId }: Revoking,
  ): Promise<void> {
    if (session?.clientId !== clientId || session.isOver) return;
    await this.sessions.end(tx, session.id);
    const { issuerId, subject, resource } = session;
    const issuer = this.registry.current().issuerById(issuerId)?.document.slug ?? '';
    await this.audit.record(tx, {
      action: 'sign_in.ended',
      outcome: 'success',
      actor: { kind: 'person', issuer, subject, application: clientId },
      target: { resource },
      requestId,
      detail: { reason: 'revoked' },
    });
  }
}
