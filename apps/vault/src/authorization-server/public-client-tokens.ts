import { createHash, timingSafeEqual } from 'node:crypto';
import type { AccessTokenKey } from '#lib/jwt/sign-access-token';
import type { RenderedProblem } from '#lib/problem/render';
import { renderOAuthError } from '#lib/problem/render';
import type { AuditLog } from '../audit/audit-log.js';
import { PersonLeft } from '../bars/person-left.js';
import type { Database, Transaction } from '../database/database.js';
import type { VaultLogger } from '../log-events.js';
import { claimsOfRules, pickClaims } from '../registry/policy-claims.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { hashOf, isOpaque, mintOpaque } from '../web/opaque.js';
import type { ConnectionStanding } from './connection-standing.js';
import type { MintAccessToken } from './mint-access-token.js';
import type { ClientSession, PostgresClientSessions } from './postgres-client-sessions.js';

type Form = Readonly<Record<string, unknown>>;
type Text = Readonly<Record<string, string>>;

interface TokenRefusal {
  readonly error:
    | 'invalid_request'
    | 'invalid_client'
    | 'invalid_grant'
    | 'invalid_scope'
    | 'invalid_target';
  readonly description: string;
}

interface Issued {
  readonly session: ClientSession;
  readonly refreshToken: string;
  readonly scopes: readonly string[];
  readonly key: AccessTokenKey;
}

/** A code or refresh token as somebody showed it. */
interface Shown {
  readonly form: Text;
  readonly hash: Buffer;
  readonly requestId: string;
  /** Whether what the person agreed to stood a moment ago. */
  readonly stands: boolean;
}

/** Why a session ends at once: what was shown was stolen, or shown by a thief. */
type Suspicion = 'code-replayed' | 'refresh-token-reused' | 'other-client' | 'proof-failed';

export interface PublicClientTokensParts {
  readonly database: Database;
  readonly sessions: PostgresClientSessions;
  readonly standing: ConnectionStanding;
  readonly minting: MintAccessToken;
  readonly registry: Registry;
  readonly audit: AuditLog;
  readonly logger: VaultLogger;
}

const grantTypes = new Set(['authorization_code', 'refresh_token']);

/** The token endpoint for clients that people signed in with: a code once, then refresh tokens, each once. */
export class PublicClientTokens {
  constructor(private readonly parts: PublicClientTokensParts) {}

  /** Whether a request is one of theirs, by its grant type. */
  isFor(body: unknown): body is Form {
    return (
      typeof body === 'object' &&
      body !== null &&
      grantTypes.has(String((body as Form)['grant_type']))
    );
  }

  /** Never throws. */
  async answer(form: Form, requestId: string): Promise<RenderedProblem> {
    try {
      const issued = await this.#issue(form, requestId);
      if ('error' in issued) return this.#refused(issued, form, requestId);
      return await this.#answerWith(issued);
    } catch (error) {
      if (error instanceof PersonLeft) return this.#refused(over, form, requestId);
      this.parts.logger.error({ event: 'sign_in.token_failed', requestId, err: error });
      return renderOAuthError('temporarily_unavailable', 'The vault cannot answer this now.', 503);
    }
  }

  #refused(refusal: TokenRefusal, form: Form, requestId: string): RenderedProblem {
    const { error, description } = refusal;
    const { client_id: named } = form;
    const client = typeof named === 'string' ? named.slice(0, 100) : '';
    this.parts.logger.info({
      event: 'sign_in.token_refused',
      requestId,
      client,
      error,
      detail: description,
    });
    return renderOAuthError(error, description, error === 'invalid_client' ? 401 : 400);
  }

  #issue(form: Form, requestId: string): Promise<Issued | TokenRefusal> | TokenRefusal {
    if (Object.values(form).some((value) => typeof value !== 'string'))
      return invalid('A parameter comes twice.');
    const text = form as Text;
    if (text['client_secret'] !== undefined || text['client_assertion'] !== undefined)
      return {
        error: 'invalid_client',
        description: 'These are public clients: send client_id alone.',
      };
    if (text['client_id'] === undefined) return invalid('client_id is missing.');
    return this.#exchange(text, requestId);
  }

  async #exchange(form: Text, requestId: string): Promise<Issued | TokenRefusal> {
    const { sessions, standing, minting, database } = this.parts;
    const isCode = form['grant_type'] === 'authorization_code';
    const shown = form[isCode ? 'code' : 'refresh_token'] ?? '';
    if (!isOpaque(shown)) return over;
    const hash = hashOf(shown);
    const found = await (isCode ? sessions.findByCode(hash) : sessions.findByRefreshToken(hash));
    if (found === undefined) return over;
    // Before the transaction: who held a connection and waited for more of them would starve everybody.
    const [key, stands] = await Promise.all([minting.key(), standing.of(found)]);
    const shownBy = { form, hash, requestId, stands: stands !== undefined };
    const issued = await database.transaction((tx) =>
      isCode ? this.#redeem(tx, shownBy) : this.#refresh(tx, shownBy),
    );
    return 'error' in issued ? issued : { ...issued, key };
  }

  async #redeem(tx: Transaction, shown: Shown) {
    const { sessions } = this.parts;
    const { form, hash, requestId } = shown;
    const session = await sessions.lockByCode(tx, hash);
    if (session === undefined) return over;
    const suspicion = suspicionOf(session, form, 'code-replayed');
    if (suspicion) return this.#endSuspected(tx, session, suspicion, requestId);
    if (session.isOver) return over;
    // RFC 6749 §4.1.3, RFC 7636 §4.6: whoever has the code without these did not ask for it.
    if (form['redirect_uri'] !== session.redirectUri || !isProof(form['code_verifier'], session))
      return this.#endSuspected(tx, session, 'proof-failed', requestId);
    const refusal = otherResource(session, form) ?? (await this.#fallen(tx, session, shown));
    if (refusal) return refusal;
    await sessions.useCode(tx, session.id);
    return this.#renew(tx, session, session.scopes, shown);
  }

  async #refresh(tx: Transaction, shown: Shown) {
    const { sessions } = this.parts;
    const { form, hash, requestId } = shown;
    const session = await sessions.lockByRefreshToken(tx, hash);
    if (session === undefined) return over;
    const suspicion = suspicionOf(session, form, 'refresh-token-reused');
    if (suspicion) return this.#endSuspected(tx, session, suspicion, requestId);
    if (session.isOver) return over;
    const refusal = otherResource(session, form);
    if (refusal) return refusal;
    const scopes = narrowed(session, form['scope']);
    if (scopes === undefined)
      return { error: 'invalid_scope', description: 'More is asked than was given.' } as const;
    const fallen = await this.#fallen(tx, session, shown);
    if (fallen) return fallen;
    await sessions.useRefreshToken(tx, hash);
    return this.#renew(tx, session, scopes, shown);
  }

  /** What the person agreed to is gone, or their client may not be used any more. */
  async #fallen(tx: Transaction, { id }: ClientSession, { stands }: Shown) {
    if (stands) return undefined;
    await this.parts.sessions.end(tx, id);
    return over;
  }

  async #renew(
    tx: Transaction,
    session: ClientSession,
    scopes: readonly string[],
    { form, requestId }: Shown,
  ) {
    const refreshToken = mintOpaque().reveal();
    await this.parts.sessions.addRefreshToken(tx, session, hashOf(refreshToken));
    // No token leaves without the record that it did (R10).
    await this.parts.audit.record(tx, {
      action: 'sign_in.token_issued',
      outcome: 'success',
      actor: this.#personOf(session),
      target: { resource: session.resource, scopes },
      requestId,
      detail: { by: form['grant_type'] },
    });
    return { session, refreshToken, scopes };
  }

  /** RFC 9700 §2.2.2, §4.14: one of two who hold it is a thief, so nobody goes on. */
  async #endSuspected(
    tx: Transaction,
    session: ClientSession,
    reason: Suspicion,
    requestId: string,
  ): Promise<TokenRefusal> {
    await this.parts.sessions.end(tx, session.id);
    await this.parts.audit.record(tx, {
      action: 'sign_in.ended',
      outcome: 'refused',
      actor: this.#personOf(session),
      target: { resource: session.resource },
      requestId,
      detail: { reason },
    });
    return over;
  }

  #personOf({ issuerId, subject, clientId: application }: ClientSession) {
    const issuer = this.parts.registry.current().issuerById(issuerId)?.document.slug ?? '';
    return { kind: 'person', issuer, subject, application } as const;
  }

  async #answerWith({ session, refreshToken, scopes, key }: Issued): Promise<RenderedProblem> {
    const registry = this.parts.registry.current();
    const corporateIssuer = registry.issuerById(session.issuerId)?.document.slug ?? '';
    const upstream = registry.upstreamById(session.upstreamId)?.document;
    const claims = upstream ? pickClaims(session.claims, claimsOfRules(upstream)) : {};
    const content = { corporateIssuer, scopes, claims };
    const { token, expiresIn } = await this.parts.minting.mint(session, content, key);
    return {
      status: 200,
      headers: {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        pragma: 'no-cache',
      },
      body: JSON.stringify({
        access_token: token,
        token_type: 'Bearer',
        expires_in: expiresIn,
        refresh_token: refreshToken,
        scope: scopes.join(' '),
      }),
    };
  }
}

// One answer for all that is not good (any more): whoever guesses learns nothing.
const over: TokenRefusal = {
  error: 'invalid_grant',
  description: 'It is not valid, or not any more: sign in again.',
};

function suspicionOf(
  session: ClientSession,
  form: Text,
  whenUsed: Suspicion,
): Suspicion | undefined {
  if (session.isUsed) return whenUsed;
  return form['client_id'] === session.clientId ? undefined : 'other-client';
}

function isProof(verifier: string | undefined, { codeChallenge }: ClientSession): boolean {
  // RFC 7636 §4.1.
  if (verifier === undefined || !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return false;
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  return timingSafeEqual(hashOf(challenge), hashOf(codeChallenge));
}

function otherResource({ resource }: ClientSession, form: Text): TokenRefusal | undefined {
  if ((form['resource'] ?? resource) === resource) return undefined;
  return { error: 'invalid_target', description: 'The sign-in was for another resource.' };
}

/** RFC 6749 §6. */
function narrowed({ scopes }: ClientSession, asked = ''): readonly string[] | undefined {
  const wanted = asked.split(' ').filter((scope) => scope !== '');
  // Clients repeat what they asked for at first, of which they may have got less.
  if (wanted.length === 0) return scopes;
  const kept = scopes.filter((scope) => wanted.includes(scope));
  return kept.length === 0 && scopes.length > 0 ? undefined : kept;
}

function invalid(description: string): TokenRefusal {
  return { error: 'invalid_request', description };
}
