import { randomUUID } from 'node:crypto';
import type { Clock } from '#lib/clock/clock';
import { type AccessTokenKey, signAccessToken } from '#lib/jwt/sign-access-token';
import { corporateIssuerClaim } from '#lib/jwt/sign-in-trust';
import type { JsonObject } from '../registry/domain/json.js';
import type { ClientSession } from './postgres-client-sessions.js';
import type { PostgresAccessTokenKeys } from './postgres-access-token-keys.js';

export interface MintedToken {
  readonly token: string;
  readonly expiresIn: number;
}

/** What it says beside the session that it is of. */
export interface TokenContent {
  /** Slug. */
  readonly corporateIssuer: string;
  readonly scopes: readonly string[];
  /** Of the corporate ID token, what the rules of this upstream ask about. */
  readonly claims: JsonObject;
}

const lifetimeSeconds = 600;

/** RFC 9068: who signed in where, through which client, for exactly one resource; never longer than the session. */
export class MintAccessToken {
  constructor(
    private readonly keys: PostgresAccessTokenKeys,
    private readonly clock: Clock,
    private readonly publicUrl: string,
  ) {}

  /** What it signs with now: fetched before anything is spent that cannot be given back. */
  key(): Promise<AccessTokenKey> {
    return this.keys.signing();
  }

  async mint(
    session: ClientSession,
    content: TokenContent,
    key: AccessTokenKey,
  ): Promise<MintedToken> {
    const now = Math.floor(this.clock.now());
    const expiresAt = Math.min(now + lifetimeSeconds, Math.floor(session.expiresAt));
    const claims = {
      ...content.claims,
      iss: this.publicUrl,
      sub: session.subject,
      aud: session.resource,
      client_id: session.clientId,
      scope: content.scopes.join(' '),
      [corporateIssuerClaim]: content.corporateIssuer,
      sid: session.id,
      jti: randomUUID(),
      auth_time: Math.floor(session.signedInAt),
      iat: now,
      exp: expiresAt,
    };
    const token = await signAccessToken(claims, key);
    return { token, expiresIn: expiresAt - now };
  }
}
