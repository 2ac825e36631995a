import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { ServicePurpose } from '#lib/contract/exchange';
import type { Caller } from '#lib/jwt/caller';
import type { DpopBinding } from './dpop-binding.js';

/** One call on behalf of a caller; `token` is the inbound JWT, needed only when the vault is asked. */
export interface CredentialRequest {
  readonly caller: Caller;
  readonly token: string;
  readonly upstream: UpstreamConfig;
  /** What this call needs beside the upstream's own scopes. */
  readonly scopes?: readonly string[];
  /** The upstream's own token, where the caller brought it: nothing is borrowed then. */
  readonly brought?: string | undefined;
  /** `none`: lists and held retries must not mint a link. */
  readonly interaction: 'create' | 'none';
  readonly interactionId?: string;
  readonly clientInfoName?: string;
  /** W3C Trace Context of the call, names and values in turn. */
  readonly trace?: readonly string[] | undefined;
}

/** The header to inject, ready-made; a `none` credential injects nothing. */
export interface BorrowedCredential {
  readonly kind: 'credential';
  /** Lower-case name and value, or undefined where the upstream takes no credential. */
  readonly header: readonly [name: string, value: string] | undefined;
  readonly grantId: string | undefined;
  /** In the query instead of a header: name and value, neither encoded. */
  readonly query?: readonly [name: string, value: string] | undefined;
  /** The caller's own: there is no other to be had, and no more scope. */
  readonly brought?: true;
  /** The key that the token is bound to; then its headers are made for each request, and `header` is not sent. */
  readonly dpop?: DpopBinding | undefined;
  /** What the API wants beside the token: lower-case names and values in turn. */
  readonly extra?: readonly string[];
  readonly revocation: Revocation | undefined;
}

/** Where the upstream takes no credential. */
export const nothingToInject: BorrowedCredential = {
  kind: 'credential',
  header: undefined,
  grantId: undefined,
  revocation: undefined,
};

/** Whether the upstream got anything that it could refuse. */
export function bearsSomething(credential: BorrowedCredential | undefined): boolean {
  return credential?.header !== undefined || credential?.query !== undefined;
}

/** Of the grant that a credential comes from: open streams must end (R3). */
export interface Revocation {
  readonly happened: boolean;
  /**
   * Calls `ended` when it happens, at once if it has; until what this answers is called. `token` is the caller's: with it
   * the vault is asked whether the grant still stands, where nothing is heard of it.
   */
  watch(ended: () => void, token: string): () => void;
}

/** A person must act: `uri` is absent when `interaction` was `none`. */
export interface InteractionNeeded {
  readonly kind: 'interaction';
  readonly interactionId: string | undefined;
  readonly uri: string | undefined;
  readonly message: string;
  readonly expiresIn: number;
  /** What was asked for beside the upstream's own scopes: a retry asks for the same. */
  readonly scopes?: readonly string[];
}

export type CredentialAnswer =
  | BorrowedCredential
  | InteractionNeeded
  /** The vault does not take the caller's token (any more): answer 401. */
  | { readonly kind: 'invalid-token'; readonly detail: string }
  /** This gateway may not use that upstream, or the application is blocked: answer 403. */
  | { readonly kind: 'forbidden'; readonly detail: string }
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number; readonly detail: string };

export interface Credentials {
  /** Synchronous when a borrowed token is at hand: the hot path allocates no promise. */
  borrow(request: CredentialRequest): CredentialAnswer | Promise<CredentialAnswer>;
  /**
   * The upstream answered 401 to `refused`: one forced refresh (at most one a minute per grant, the vault
   * decides). Answers a different credential to replay with, or why there is none.
   */
  replace(request: CredentialRequest, refused: BorrowedCredential): Promise<CredentialAnswer>;
  /**
   * What is nobody's own: `own` where the upstream's credential is the service's, `discovery` for lists before a person
   * has consented (never for calls), `public` for public tools. Never an interaction; `forbidden` where none is
   * registered. Synchronous when it is at hand.
   */
  borrowService(
    upstream: UpstreamConfig,
    purpose: ServicePurpose,
  ): CredentialAnswer | Promise<CredentialAnswer>;
  /** As `replace`, for what `borrowService` answered. */
  replaceService(upstream: UpstreamConfig, refused: BorrowedCredential): Promise<CredentialAnswer>;
}
