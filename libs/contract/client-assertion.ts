import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { CryptoKey, JWK, KeyObject } from 'jose';
import type { Clock } from '#lib/clock/clock';

export interface AssertionOptions {
  readonly clientId: string;
  readonly key: JWK | CryptoKey | KeyObject;
  readonly algorithm: string;
  readonly keyId?: string;
  readonly clock: Clock;
}

const lifeSeconds = 60;
// Issued a little in the past, so that a clock a few seconds ahead of the vault's is no refusal.
const backdateSeconds = 5;
const reuseSeconds = 40;

/** RFC 7523 §3 assertions, each reused for most of its minute. */
export class ClientAssertions {
  #current: { audience: string; reuseUntilMs: number; jwt: Promise<string> } | undefined;

  constructor(private readonly options: AssertionOptions) {}

  /** `audience` is the vault's issuer name alone. */
  for(audience: string): Promise<string> {
    const nowMs = this.options.clock.monotonicMs();
    if (this.#current?.audience === audience && nowMs < this.#current.reuseUntilMs)
      return this.#current.jwt;
    const jwt = this.#sign(audience);
    this.#current = { audience, reuseUntilMs: nowMs + reuseSeconds * 1000, jwt };
    jwt.catch(() => this.drop());
    return jwt;
  }

  /** The next call signs anew: after the vault refused one, or the clock was set. */
  drop(): void {
    this.#current = undefined;
  }

  #sign(audience: string): Promise<string> {
    const { clientId, key, algorithm, keyId, clock } = this.options;
    const issuedAt = Math.floor(clock.now()) - backdateSeconds;
    return new SignJWT()
      .setProtectedHeader({ alg: algorithm, ...(keyId === undefined ? {} : { kid: keyId }) })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifeSeconds)
      .setJti(randomUUID())
      .sign(key);
  }
}
