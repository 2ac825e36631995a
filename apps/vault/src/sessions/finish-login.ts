import type { Secret } from '#lib/secret/secret';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import { pickClaims, policyClaims } from '../registry/policy-claims.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { hashOf, mintOpaque } from '../web/opaque.js';
import type { CorporateIdp, SignedIn } from './corporate-idp.js';
import type { LoginAttempt, ReturnTo } from './login-attempt.js';
import type { PostgresLoginAttemptStore } from './postgres-login-attempt-store.js';
import type { PostgresWebSessionStore } from './postgres-web-session-store.js';

export type LoginOutcome =
  | { readonly ok: true; readonly sessionCookie: Secret; readonly returnTo: ReturnTo }
  /** `stale`: unknown, used, too old, or begun in another browser. `refused`: the IdP said no, or not what it must. */
  | { readonly ok: false; readonly reason: 'stale' }
  | {
      readonly ok: false;
      readonly reason: 'refused';
      /** Slug of the issuer. */
      readonly issuer: string;
      readonly returnTo: ReturnTo;
      readonly cause?: unknown;
    };

export interface LoginCallback {
  readonly state: string;
  /** The query as it came, `?code=…`. */
  readonly search: string;
  /** Whether the browser has the cookie that this attempt was begun with. */
  readonly isSameBrowser: (attempt: LoginAttempt) => boolean;
  /** Of the session that this browser had until now; it ends. */
  readonly previousSession: Buffer | undefined;
  readonly requestId: string;
}

/** Ends a sign-in with a new session, whose id did not exist before (row 3). */
export class FinishLogin {
  constructor(
    private readonly stores: {
      readonly database: Database;
      readonly attempts: PostgresLoginAttemptStore;
      readonly sessions: PostgresWebSessionStore;
    },
    private readonly idp: CorporateIdp,
    private readonly registry: Registry,
    private readonly audit: AuditLog,
  ) {}

  async finish(callback: LoginCallback): Promise<LoginOutcome> {
    const attempt = await this.stores.attempts.use(hashOf(callback.state));
    if (!attempt || !callback.isSameBrowser(attempt)) return { ok: false, reason: 'stale' };
    const issuer = this.registry.current().issuerById(attempt.issuerId);
    if (!issuer) return { ok: false, reason: 'stale' };
    const { state, search } = callback;
    const { returnTo, nonce, codeVerifier } = attempt;
    try {
      const who = await this.idp.redeem(issuer, search, { state, nonce, codeVerifier });
      const sessionCookie = await this.#openSession(attempt, who, issuer.document.slug, callback);
      return { ok: true, sessionCookie, returnTo };
    } catch (cause) {
      const { slug } = issuer.document;
      return { ok: false, reason: 'refused', issuer: slug, returnTo, cause };
    }
  }

  async #openSession(
    attempt: LoginAttempt,
    { subject, displayName, account, claims }: SignedIn,
    issuer: string,
    { previousSession, requestId }: LoginCallback,
  ): Promise<Secret> {
    const cookie = mintOpaque();
    await this.stores.database.transaction(async (tx) => {
      if (previousSession) await this.stores.sessions.remove(tx, previousSession);
      await this.stores.sessions.add(tx, {
        hash: hashOf(cookie.reveal()),
        issuerId: attempt.issuerId,
        subject,
        displayName,
        account,
        csrfToken: mintOpaque().reveal(),
        claims: pickClaims(claims, policyClaims(this.registry.current())),
      });
      await this.audit.record(tx, {
        action: 'session.opened',
        outcome: 'success',
        actor: { kind: 'person', issuer, subject },
        target: { issuer },
        requestId,
      });
    });
    return cookie;
  }
}
