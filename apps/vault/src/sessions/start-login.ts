import { mintOpaque } from '../web/opaque.js';
import type { Issuer } from '../registry/domain/issuer.js';
import type { Stored } from '../registry/registry-snapshot.js';
import type { BoundTrip } from './browser-binding.js';
import type { CorporateIdp } from './corporate-idp.js';
import type { ReturnTo } from './login-attempt.js';
import type { PostgresLoginAttemptStore } from './postgres-login-attempt-store.js';

/** Begins a sign-in: stores the attempt, answers the IdP's URL. */
export class StartLogin {
  constructor(
    private readonly idp: CorporateIdp,
    private readonly attempts: PostgresLoginAttemptStore,
  ) {}

  async start(
    issuer: Stored<Issuer>,
    trip: BoundTrip,
    options: { returnTo: ReturnTo; reauthenticate: boolean },
  ): Promise<URL> {
    const nonce = mintOpaque().reveal();
    const codeVerifier = mintOpaque();
    const url = await this.idp.signInUrl(
      issuer,
      { state: trip.state, nonce, codeVerifier },
      { reauthenticate: options.reauthenticate },
    );
    await this.attempts.add({
      stateHash: trip.stateHash,
      browserHash: trip.browserHash,
      issuerId: issuer.id,
      codeVerifier,
      nonce,
      returnTo: options.returnTo,
    });
    return url;
  }
}
