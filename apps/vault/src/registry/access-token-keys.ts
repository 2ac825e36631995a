import type { JsonObject } from './domain/json.js';

/** The keys of the vault's own access tokens, as whoever verifies needs them. */
export interface AccessTokenKeys {
  /** RFC 7517 public halves, newest first; at least one. */
  published(): Promise<readonly JsonObject[]>;
}

/** Where the public keys of the vault's own access tokens are. */
export function accessTokenJwksUri(publicUrl: string): string {
  return `${publicUrl}/oauth2/jwks`;
}
