import type { AcceptableAudience } from './audience.js';
import type { Refusal } from './caller.js';
import type { Claims } from './claim.js';
import type { IssuerTrust } from './issuer-trust.js';

/** A decoded token and everything it is judged against. */
export interface Examined {
  readonly header: Claims;
  readonly claims: Claims;
  readonly trust: IssuerTrust;
  readonly acceptable: AcceptableAudience;
  /** Epoch seconds. */
  readonly now: number;
}

/** One rule. The verifier stops at the first refusal; the explanation shows them all. */
export interface Check {
  /** The claim, header parameter or rule, as the admin reads it. */
  readonly name: string;
  refuse(examined: Examined): Refusal | undefined;
  /** What the token says there, if anything. */
  value?(examined: Examined): unknown;
  /** The sentence for a token that passes. */
  readonly passes: string;
}

export const clockSkewSeconds = 30;
export const defaultMaxTokenAgeSeconds = 86_400;
