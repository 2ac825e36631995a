import type { JsonObject } from '../registry/domain/json.js';
import type { Secret } from '#lib/secret/secret';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Stored } from '../registry/registry-snapshot.js';

export type SigningAlgorithm = OAuthClient['clientAuthSigningAlg'];

/** Whose keys: an oauth client's, for one authorization server and no other (row 35). */
export interface KeyOwner {
  readonly oauthClientId: string;
  readonly authorizationServer: string;
  readonly algorithm: SigningAlgorithm;
}

/** One live key. `publicJwk` has no private member (RFC 7517) and names `kid`, `alg` and `use`. */
export interface SigningKey {
  readonly kid: string;
  readonly publicJwk: JsonObject;
  /** The private JWK as JSON. */
  readonly privateJwk: Secret;
}

/** The keys that the vault signs client assertions with (RFC 7523); made when they are first needed. */
export interface SigningKeys {
  /** One or two, newest first. */
  live(owner: KeyOwner): Promise<readonly SigningKey[]>;
  /** The public halves, newest first: what the JWKS shows. Needs no opened vault once a key exists. */
  published(owner: KeyOwner): Promise<readonly JsonObject[]>;
  /** A new key signs from now on; the one before it stays published, older ones go. */
  rotate(owner: KeyOwner): Promise<readonly JsonObject[]>;
}

export function keyOwnerOf({ id, document }: Stored<OAuthClient>): KeyOwner {
  return {
    oauthClientId: id,
    authorizationServer: authorizationServerOf(document),
    algorithm: document.clientAuthSigningAlg,
  };
}

/** What tells one authorization server from another: its issuer, else the token endpoint typed in. */
export function authorizationServerOf({ issuer, endpoints }: OAuthClient): string {
  return issuer ?? endpoints?.token ?? '';
}
