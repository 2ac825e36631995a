import { randomUUID } from 'node:crypto';
import { importJWK, type JWK, SignJWT } from 'jose';
import type { Clock } from '#lib/clock/clock';
import { corporateIssuerClaim } from '#lib/jwt/sign-in-trust';
import type { ClientSession } from './postgres-client-sessions.js';
import type { PostgresAccessTokenKeys } from './postgres-access-token-keys.js';

export interface MintedToken {
  readonly token: string;
  readonly expiresIn: number;
}

const lifetimeSeconds = 600;

/** RFC 9068: who signed in where, through which client, for exactly one resource; never longer than the session. */
export class MintAccessToken {
  constructor(
    private readonly keys: PostgresAccessTokenKeys,
    private readonly clock: Clock,
    private readonly publicUrl: string,
  ) {}

  async mint(
    session: ClientSession,
    corporateIssuer: string,
    scopes: readonly string[],
  ): Promise<MintedToken> {
    const key = await this.keys.signing();
    const privateKey = await importJWK(JSON.parse(key.privateJwk.reveal()) as JWK, 'ES256');
    const now = Math.floor(this.clock.now());
    const expiresAt = Math.min(now + lifetimeSeconds, Math.floor(session.expiresAt));
    const token = await new SignJWT({
      ...session.claims,
      iss: this.publicUrl,
      sub: session.subject,
      aud: session.resource,
      client_id: session.clientId,
      scope: scopes.join(' '),
      [corporateIssuerClaim]: corporateIssuer,
      sid: session.id,
      jti: randomUUID(),
      auth_time: Math.floor(session.signedInAt),
      iat: now,
      exp: expiresAt,
    })
      .setProtectedHeader({ alg: 'ES256', kid: key.kid, typ: 'at+jwt' })
      .sign(privateKey);
    return { token, expiresIn: expiresAt - now };
  }
}
