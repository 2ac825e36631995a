import type { Secret } from '#lib/secret/secret';

/** Where a sealed value stands. All of it is authenticated: a ciphertext moved elsewhere does not open. */
export interface SealedPlace {
  readonly table: string;
  readonly column: string;
  readonly rowId: string;
  /** Issuer row id and subject where the value belongs to a person, else ''. */
  readonly issuer: string;
  readonly subject: string;
  /** OAuth client row id where it belongs to one, else ''. */
  readonly oauthClient: string;
}

/** Seals by the primary data key, opens by the key that the message names. */
export interface Sealer {
  seal(place: SealedPlace, value: Secret): Buffer;
  /**
   * Rejects with `SealBroken` (#lib/sealing/message), or with Problem `sealed` while its key cannot be had; the
   * caller fails closed. A promise, because a key that another replica has just made is fetched here.
   */
  open(place: SealedPlace, sealed: Buffer): Promise<Secret>;
}
