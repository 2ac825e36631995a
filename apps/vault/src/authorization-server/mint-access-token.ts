import { randomUUID } from 'node:crypto';
import type { Clock } from '#lib/clock/clock';
import { signAccessToken } from '#lib/jwt/sign-access-token';
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

  async mint(session: ClientSession, content: TokenContent): Promise<MintedToken> {
    const key = await this.keys.signing();
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
