import { Problem } from '#lib/problem/problem';
import {
  bearsSomething,
  type BorrowedCredential,
  type CredentialAnswer,
  type CredentialRequest,
  type Credentials,
} from '../credentials/credentials.js';
import { grow, type Growth, stillMissing } from '../credentials/grow.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { insufficient, rejected, rejectedBrought, rejectedOnce } from './refusals.js';

/** A call as its refusals need it. */
export interface RefusedCall {
  readonly upstream: PreparedUpstream;
  /** Nobody waits for an answer any more. */
  readonly ended: boolean;
  /** False where the body has been streamed away. */
  readonly replayable: boolean;
  credentialRequest(): CredentialRequest;
  /** Goes on with what the vault says now. */
  borrowed(answer: CredentialAnswer): void;
  refuse(problem: Problem): void;
  broken(error: unknown): void;
}

/** What follows where an upstream refuses a credential: once in a call it is replaced, once more scope is asked for. */
export class CredentialRefusals {
  /** Of this call beside the upstream's own, once the upstream has named them. */
  grownScopes: readonly string[] | undefined;
  #replaced = false;

  constructor(
    private readonly credentials: Credentials,
    private readonly call: RefusedCall,
  ) {}

  /** 401: it is between the upstream and us; the caller's token is fine. */
  notAccepted(credential: BorrowedCredential | undefined): void {
    const { call } = this;
    if (credential?.brought === true) return call.refuse(rejectedBrought(call.upstream));
    if (this.#replaced || credential === undefined || !bearsSomething(credential))
      return call.refuse(rejected(call.upstream));
    this.#replaced = true;
    this.credentials
      .replace(call.credentialRequest(), credential)
      .then((answer) => this.#replacedBy(answer, credential))
      .catch((error: unknown) => call.broken(error));
  }

  #replacedBy(answer: CredentialAnswer, refused: BorrowedCredential): void {
    const { call } = this;
    if (call.ended) return;
    if (answer === refused) call.refuse(rejected(call.upstream));
    else if (answer.kind === 'credential' && !call.replayable)
      call.refuse(rejectedOnce(call.upstream));
    else call.borrowed(answer);
  }

  /** RFC 6750 §3.1: the token is good, its scope is not enough. */
  missing(credential: BorrowedCredential, missing: readonly string[]): void {
    const { call } = this;
    const request = call.credentialRequest();
    if (this.grownScopes !== undefined)
      return call.refuse(insufficient(stillMissing(request, missing)));
    this.grownScopes = missing;
    grow(this.credentials, request, credential, missing)
      .then((growth) => this.#grown(growth))
      .catch((error: unknown) => call.broken(error));
  }

  #grown(growth: Growth): void {
    const { call } = this;
    if (call.ended) return;
    if (growth.kind === 'never') call.refuse(insufficient(growth.detail));
    else if (growth.kind === 'answer') call.borrowed(growth.answer);
    else if (!call.replayable) call.refuse(rejectedOnce(call.upstream));
    else call.borrowed(growth.credential);
  }
}
