import { Problem } from '#lib/problem/problem';
import type { CallRequest, CallResponse } from '../connection/exchange.js';
import type {
  BorrowedCredential,
  CredentialAnswer,
  CredentialRequest,
} from '../credentials/credentials.js';
import type { Admitted } from '../inbound/inbound.js';
import { traceContext } from './trace-context.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { CredentialRefusals, type RefusedCall } from './credential-refusals.js';
import type { HttpCallDeps, RawExchange } from './http-exchange.js';
import { credentialProblem, writeProblem } from './refusals.js';

/** One admitted call and the credential that it goes out with; what is sent, and what comes back, is for others to say. */
export abstract class BorrowingCall implements RefusedCall {
  readonly request: CallRequest;
  readonly response: CallResponse;
  readonly requestId: string;
  grantId: string | undefined;
  ended = false;
  protected credential: BorrowedCredential | undefined;
  #refusals: CredentialRefusals | undefined;

  constructor(
    protected readonly deps: HttpCallDeps,
    readonly admitted: Admitted,
    readonly upstream: PreparedUpstream,
    protected readonly exchange: RawExchange,
  ) {
    this.request = exchange.request;
    this.response = exchange.response;
    this.requestId = exchange.requestId;
  }

  abstract readonly replayable: boolean;

  protected abstract send(): void;

  /** Without a promise where the credential is at hand. */
  protected borrow(): void {
    const answer = this.deps.credentials.borrow(this.credentialRequest());
    if (!(answer instanceof Promise)) return this.borrowed(answer);
    answer.then(
      (one) => this.borrowed(one),
      (error: unknown) => this.broken(error),
    );
  }

  credentialRequest(): CredentialRequest {
    const { caller, token, brought } = this.admitted;
    const request = {
      caller,
      token,
      brought,
      upstream: this.upstream.config,
      interaction: 'create',
      trace: traceContext(this.request.headers, token),
    } as const;
    const scopes = this.#refusals?.grownScopes;
    return scopes === undefined ? request : { ...request, scopes };
  }

  borrowed(answer: CredentialAnswer): void {
    if (this.ended) return;
    if (answer.kind === 'credential') {
      this.credential = answer;
      this.grantId = answer.grantId;
      this.send();
    } else {
      const { publicUrl } = this.deps;
      this.refuse(credentialProblem(answer, publicUrl, `/http/${this.upstream.config.slug}`));
    }
  }

  protected get refusals(): CredentialRefusals {
    return (this.#refusals ??= new CredentialRefusals(this.deps.credentials, this));
  }

  broken(error: unknown): void {
    this.deps.failed(this, error);
    const problem = new Problem('internal', 'Something went wrong on our side.');
    writeProblem(this.response, problem, this.requestId);
  }

  refuse(problem: Problem): void {
    if (problem.cause !== undefined) this.deps.failed(this, problem.cause);
    writeProblem(this.response, problem, this.requestId);
  }
}
