import type { Caller } from '#lib/jwt/caller';
import { personKey } from '../credentials/use.js';

/** All of a caller but who it is and until when. */
export type Standing = Omit<Caller, 'subject' | 'person' | 'standing' | 'issuedAt' | 'expiresAt'>;

/** One of a hundred thousand that are kept: what it says as others do is kept once for all of them. */
export class KnownCaller implements Caller {
  readonly subject: string;
  readonly person: string;
  readonly issuedAt: number;
  readonly expiresAt: number;

  constructor(
    caller: Caller,
    readonly standing: Standing,
  ) {
    this.subject = caller.subject;
    this.person = personKey(caller);
    this.issuedAt = caller.issuedAt;
    this.expiresAt = caller.expiresAt;
  }

  get issuer(): string {
    return this.standing.issuer;
  }

  get iss(): string {
    return this.standing.iss;
  }

  get application(): string {
    return this.standing.application;
  }

  get machine(): boolean {
    return this.standing.machine;
  }

  get scopes(): Caller['scopes'] {
    return this.standing.scopes;
  }

  get claims(): Caller['claims'] {
    return this.standing.claims;
  }

  get audiences(): Caller['audiences'] {
    return this.standing.audiences;
  }

  get signedInHere(): boolean | undefined {
    return this.standing.signedInHere;
  }
}
