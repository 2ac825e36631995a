/** A person: the issuer's slug and the byte-exact value of its `subjectClaim`. */
export interface Person {
  readonly issuer: string;
  readonly subject: string;
}
