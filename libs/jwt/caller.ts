/** Who calls, with what, on the word of a verified token. */
export interface Caller {
  /** Slug of the issuer; with `subject` the key of a person, compared byte by byte. */
  readonly issuer: string;
  /** The token's own `iss`. */
  readonly iss: string;
  /** Value of the issuer's `subjectClaim`. */
  readonly subject: string;
  /** Issuer and subject as one key, where that was made once for all calls. */
  readonly person?: string;
  /** What rules look at, where that is one object for all whose tokens say the same. */
  readonly standing?: Pick<Caller, 'claims' | 'scopes'>;
  /** Client id of the program that holds the token. */
  readonly application: string;
  /** The token is about its client and no person; it never uses a person's grant. */
  readonly machine: boolean;
  readonly scopes: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
  readonly audiences: readonly string[];
  /** The vault minted the token, where this person signed in and consented. */
  readonly signedInHere?: boolean;
  /** Epoch seconds. */
  readonly issuedAt: number;
  /** Epoch seconds: `exp`, or earlier where the issuer's maximum age ends first. */
  readonly expiresAt: number;
}

export type VerificationReason =
  | 'malformed'
  | 'too-large'
  | 'encrypted'
  | 'unknown-issuer'
  | 'critical-header'
  | 'embedded-key'
  | 'algorithm'
  | 'token-type'
  | 'unknown-key'
  | 'keys-unavailable'
  | 'busy'
  | 'signature'
  | 'sender-constrained'
  | 'id-token'
  | 'invalid-claim'
  | 'expired'
  | 'not-yet-valid'
  | 'issued-in-future'
  | 'too-old'
  | 'audience'
  | 'application'
  | 'application-conflict'
  | 'subject';

/** Why a token does not count. `detail` is public, fixed ASCII without quotes and without a value of the token. */
export interface Refusal {
  readonly reason: VerificationReason;
  readonly detail: string;
  /** For the admin who set the issuer up: what to change, and where. */
  readonly fix?: string;
  /** The token may be fine, it cannot be told now: 503, not 401. */
  readonly transient?: boolean;
}

export type Verification =
  | { readonly ok: true; readonly caller: Caller }
  | ({ readonly ok: false } & Refusal);
