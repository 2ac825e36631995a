import { createHash, timingSafeEqual } from 'node:crypto';
import { onlyAudiences } from '#lib/jwt/audience';
import type { Verification } from '#lib/jwt/caller';
import type { TokenVerifier } from '#lib/jwt/token-verifier';
import { Problem } from '#lib/problem/problem';
import type { Secret } from '#lib/secret/secret';
import type { Registry } from '../registry/registry-snapshot.js';
import type { AdminPrincipal, AdminUse } from './admin-principal.js';
import { adminRole } from './admin-roles.js';

/** What has to be remembered of how the admin API is used. */
export interface AdminJournal {
  /** Whether a token of an issuer's admin rule has ever opened the admin API as an admin. */
  hasIssuerAdmin(): Promise<boolean>;
  recordIssuerAdmin(principal: AdminPrincipal, use: AdminUse): Promise<void>;
  recordBootstrap(outcome: 'success' | 'refused', use: AdminUse): Promise<void>;
}

export interface AdminAuthenticationParts {
  readonly bootstrapToken: Secret | undefined;
  /** `SYMBOLON_ADMIN_RECOVERY`: the bootstrap token counts again. */
  readonly recovery: boolean;
  readonly registry: Registry;
  readonly verifier: TokenVerifier;
  readonly journal: AdminJournal;
}

/** Who holds this bearer token: the bootstrap token, or an access token for an issuer's admin audience. */
export class AdminAuthentication {
  #hasIssuerAdmin = false;

  constructor(private readonly parts: AdminAuthenticationParts) {}

  /** Throws Problem: 401 where the token does not count, 403 where it is somebody without a role. */
  async authenticate(token: string, use: AdminUse): Promise<AdminPrincipal> {
    const { bootstrapToken } = this.parts;
    if (bootstrapToken !== undefined && isSame(token, bootstrapToken.reveal()))
      return this.#bootstrap(use);
    const principal = await this.#issuerAdmin(token);
    if (principal.role === 'admin' && !(await this.#proven())) {
      await this.parts.journal.recordIssuerAdmin(principal, use);
      this.#hasIssuerAdmin = true;
    }
    return principal;
  }

  async #bootstrap(use: AdminUse): Promise<AdminPrincipal> {
    const spent = !this.parts.recovery && (await this.#proven());
    await this.parts.journal.recordBootstrap(spent ? 'refused' : 'success', use);
    if (spent)
      throw unauthorized(
        'The bootstrap token ended when an administrator of an issuer signed in. Use such a token, or start the vault with SYMBOLON_ADMIN_RECOVERY=true.',
      );
    return { role: 'admin', bootstrap: true, actor: { kind: 'admin', client: 'bootstrap-token' } };
  }

  async #proven(): Promise<boolean> {
    this.#hasIssuerAdmin ||= await this.parts.journal.hasIssuerAdmin();
    return this.#hasIssuerAdmin;
  }

  async #issuerAdmin(token: string): Promise<AdminPrincipal> {
    const { issuers } = this.parts.registry.current();
    const audiences = issuers.flatMap(({ document }) => document.admin?.audience ?? []);
    const verification = await this.parts.verifier.verify(token, onlyAudiences(audiences));
    if (!verification.ok) throw refusalOf(verification);
    const { caller } = verification;
    // What somebody let a client do is never an administrator's word, whatever its audience.
    if (caller.signedInHere === true) throw noAdmin();
    const rule = issuers.find(({ document }) => document.slug === caller.issuer)?.document.admin;
    const role = rule && adminRole(rule, caller);
    if (role === undefined) throw noAdmin();
    const { issuer, subject, application } = caller;
    return { role, bootstrap: false, actor: { kind: 'admin', issuer, subject, application } };
  }
}

function refusalOf(refusal: Extract<Verification, { ok: false }>): Problem {
  if (refusal.reason === 'audience') return noAdmin();
  if (refusal.transient === true)
    return new Problem('temporarily-unavailable', refusal.detail, {
      headers: { 'retry-after': '5' },
    });
  return unauthorized(refusal.detail);
}

function unauthorized(detail: string): Problem {
  return new Problem('invalid-token', detail, {
    headers: { 'www-authenticate': 'Bearer realm="symbolon admin", error="invalid_token"' },
  });
}

function noAdmin(): Problem {
  return new Problem(
    'forbidden',
    'This token opens no part of the admin API. It needs the admin audience of its issuer and one of the roles named there.',
  );
}

// Compared as digests: equal length whatever was sent, and no early end.
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(sha256(given), sha256(expected));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
