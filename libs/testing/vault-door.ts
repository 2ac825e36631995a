import type { JWK } from 'jose';
import { Agent } from 'undici';
import { SynchronisedClock } from '#lib/clock/clock';
import { ClientAssertions } from '#lib/contract/client-assertion';
import type { TokenOutcome } from '#lib/contract/vault-answers';
import { VaultClient } from '#lib/contract/vault-client';

/** One vault as a gateway sees it. */
export class VaultDoor {
  readonly #client: VaultClient;

  constructor(
    readonly url: string,
    key: JWK,
    clientId: string,
  ) {
    const assertions = new ClientAssertions({
      clientId,
      key,
      algorithm: 'ES256',
      keyId: key.kid,
      clock: new SynchronisedClock(),
    });
    this.#client = new VaultClient({
      url,
      assertions,
      dispatcher: new Agent({ connections: 128 }),
    });
  }

  exchange(
    subjectToken: string,
    audience: string,
    interaction: 'none' | 'create' = 'none',
  ): Promise<TokenOutcome> {
    return this.#client.exchange({ subjectToken, audience, interaction });
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
