import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { Problem } from '#lib/problem/problem';
import type {
  BorrowedCredential,
  CredentialAnswer,
  CredentialRequest,
  Credentials,
} from '../credentials/credentials.js';
import { grow, type Growth, stillMissing } from '../credentials/grow.js';
import type { ProvenRequest } from '../credentials/proven-request.js';
import { missingScopes } from '../credentials/scope-challenge.js';
import type { Admitted } from '../inbound/inbound.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import {
  credentialProblem,
  insufficient,
  rejected,
  rejectedOnce,
  upstreamProblem,
  writeProblem,
} from './refusals.js';
import { bodyKind, detachedBody, readShortBody } from './request-body.js';
import { forwardedHeaders } from './request-headers.js';
import { returnedHeaders } from './response-headers.js';
import { returnedLocation, upstreamPath } from './upstream-path.js';

/** A request as node:http has it, and the id that its log lines bear. */
export interface RawExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
}

export interface HttpCallDeps {
  readonly credentials: Credentials;
  readonly publicUrl: string;
  /** Told of failures that are not the caller's. */
  readonly failed: (call: HttpCall, error: unknown) => void;
}

const clientLeft = new Error('the client left');
const grantRevoked = new Error('the grant was revoked');
const refusedCredential = new Error('the upstream refused the credential');
// A stream may pause, but not for ever.
const silenceMs = 300_000;

/**
 * One admitted call on its way: the request goes out with the borrowed credential, the answer comes back as
 * it arrives. This object is undici's handler itself, so a call costs no stream, no promise and no copy of a
 * body where the credential is at hand.
 */
export class HttpCall implements Dispatcher.DispatchHandler {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  grantId: string | undefined;
  #credential: BorrowedCredential | undefined;
  #body: Buffer | null | 'stream' = null;
  #controller: Dispatcher.DispatchController | undefined;
  /** Of a token that is bound to a key. */
  #proven: ProvenRequest | undefined;
  #replayed = false;
  /** Of this call beside the upstream's own, once the upstream has named them. */
  #grownScopes: readonly string[] | undefined;
  #ended = false;
  #unwatch: (() => void) | undefined;

  constructor(
    private readonly deps: HttpCallDeps,
    readonly admitted: Admitted,
    readonly upstream: PreparedUpstream,
    { request, response, requestId }: RawExchange,
  ) {
    this.request = request;
    this.response = response;
    this.requestId = requestId;
  }

  start(): void {
    const kind = bodyKind(this.request);
    if (kind === 'short') void this.#readBody();
    else {
      if (kind === 'stream') this.#body = 'stream';
      this.#borrow();
    }
  }

  /** The client is gone, or has its whole answer. */
  closed(): void {
    this.#ended = true;
    this.#unwatch?.();
    this.#controller?.abort(clientLeft);
  }

  async #readBody(): Promise<void> {
    const body = await readShortBody(this.request);
    if (body === undefined) return;
    this.#body = body;
    this.#borrow();
  }

  #borrow(): void {
    const answer = this.deps.credentials.borrow(this.#credentialRequest());
    if (answer instanceof Promise) answer.then(this.#borrowed, this.#broken);
    else this.#borrowed(answer);
  }

  #credentialRequest(): CredentialRequest {
    const { caller, token } = this.admitted;
    const request = {
      caller,
      token,
      upstream: this.upstream.config,
      interaction: 'create',
    } as const;
    return this.#grownScopes === undefined ? request : { ...request, scopes: this.#grownScopes };
  }

  readonly #borrowed = (answer: CredentialAnswer): void => {
    if (this.#ended) return;
    if (answer.kind === 'credential') this.#send(answer);
    else
      this.#refuse(
        credentialProblem(answer, this.deps.publicUrl, `/http/${this.upstream.config.slug}`),
      );
  };

  #send(credential: BorrowedCredential, again = false): void {
    const { request, upstream } = this;
    const method = request.method as Dispatcher.HttpMethod;
    this.#credential = credential;
    this.grantId = credential.grantId;
    const { header, extra, dpop } = credential;
    const path = upstreamPath(upstream, request.url ?? '');
    const { origin } = upstream;
    this.#proven = dpop && (again ? this.#proven : dpop.request({ method, origin, path }));
    const added = { injected: header?.[0], extra, token: this.admitted.token };
    const headers = forwardedHeaders(request.headers, added);
    headers.push(...(this.#proven?.headers() ?? header ?? []), ...(extra ?? []));
    const stream = this.#body === 'stream';
    const length = stream ? request.headers['content-length'] : undefined;
    if (length !== undefined) headers.push('content-length', length);
    upstream.dispatcher.dispatch(
      {
        origin,
        path,
        method,
        headers,
        body: this.#body === 'stream' ? detachedBody(request) : this.#body,
        headersTimeout: upstream.config.timeoutMs,
        bodyTimeout: silenceMs,
      },
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) controller.abort(clientLeft);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    if (this.#proven?.heard(status, headers) === true) return this.#proveAgain(controller);
    const missing = missingScopes(status, headers['www-authenticate']);
    if (missing !== undefined && this.#credential?.header !== undefined)
      return this.#missing(controller, this.#credential, missing);
    if (status === 401) return this.#refusedUpstream(controller);
    const location = this.#location(status, headers);
    if (location === elsewhere || status === 407) {
      this.#refuse(
        new Problem('upstream-invalid', unusableAnswer[status === 407 ? 'proxy' : 'redirect']),
      );
      controller.abort(new Error('unusable answer'));
      return;
    }
    this.response.writeHead(status, returnedHeaders(headers, location));
    // What came in the same packet goes out with the head; otherwise the head goes alone, at once.
    process.nextTick(this.#headAlone);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.response.write(chunk)) return;
    controller.pause();
    this.response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    this.#controller = undefined;
    this.response.end();
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#controller === controller) this.#controller = undefined;
    if (this.#ended || error === refusedCredential || this.response.writableEnded) return;
    if (error === grantRevoked) this.response.destroy();
    else this.#refuse(upstreamProblem(error));
  }

  readonly #headAlone = (): void => {
    if (this.#ended || this.response.writableEnded) return;
    this.response.flushHeaders();
    this.#unwatch = this.#credential?.revocation?.watch(this.#revoked);
  };

  readonly #revoked = (): void => {
    this.#controller?.abort(grantRevoked);
    this.response.destroy();
  };

  /** 201 and the redirects: within the upstream it leads through us, elsewhere a redirect is refused. */
  #location(status: number, headers: IncomingHttpHeaders): string | typeof elsewhere | undefined {
    const { location } = headers;
    if (location === undefined) return undefined;
    const path = upstreamPath(this.upstream, this.request.url ?? '');
    const through = returnedLocation(this.upstream, path, location, this.deps.publicUrl);
    return through ?? (status >= 300 && status < 400 ? elsewhere : undefined);
  }

  /** RFC 9449 §9: the token is good; the proof lacked a nonce, or was not understood. */
  #proveAgain(controller: Dispatcher.DispatchController): void {
    controller.abort(refusedCredential);
    const credential = this.#credential;
    if (this.#body === 'stream' || credential === undefined)
      return this.#refuse(rejectedOnce(this.upstream));
    setImmediate(() => {
      if (!this.#ended) this.#send(credential, true);
    });
  }

  // The upstream's 401 is between it and us; the caller's token is fine.
  #refusedUpstream(controller: Dispatcher.DispatchController): void {
    controller.abort(refusedCredential);
    const credential = this.#credential;
    if (this.#replayed || credential?.header === undefined)
      return this.#refuse(rejected(this.upstream));
    this.#replayed = true;
    this.deps.credentials
      .replace(this.#credentialRequest(), credential)
      .then((answer) => this.#replaced(answer, credential), this.#broken);
  }

  #replaced(answer: CredentialAnswer, refused: BorrowedCredential): void {
    if (this.#ended) return;
    if (answer === refused) this.#refuse(rejected(this.upstream));
    else if (answer.kind === 'credential' && this.#body === 'stream')
      this.#refuse(rejectedOnce(this.upstream));
    else this.#borrowed(answer);
  }

  /** RFC 6750 §3.1: the token is good, its scope is not enough. Once in a call, more is asked for. */
  #missing(
    controller: Dispatcher.DispatchController,
    credential: BorrowedCredential,
    missing: readonly string[],
  ): void {
    controller.abort(refusedCredential);
    const request = this.#credentialRequest();
    if (this.#grownScopes !== undefined)
      return this.#refuse(insufficient(stillMissing(request, missing)));
    this.#grownScopes = missing;
    grow(this.deps.credentials, request, credential, missing).then(this.#grown, this.#broken);
  }

  readonly #grown = (growth: Growth): void => {
    if (this.#ended) return;
    if (growth.kind === 'never') this.#refuse(insufficient(growth.detail));
    else if (growth.kind === 'answer') this.#borrowed(growth.answer);
    else if (this.#body === 'stream') this.#refuse(rejectedOnce(this.upstream));
    else this.#borrowed(growth.credential);
  };

  readonly #broken = (error: unknown): void => {
    this.deps.failed(this, error);
    writeProblem(
      this.response,
      new Problem('internal', 'Something went wrong on our side.'),
      this.requestId,
    );
  };

  #refuse(problem: Problem): void {
    if (problem.cause !== undefined) this.deps.failed(this, problem.cause);
    writeProblem(this.response, problem, this.requestId);
  }
}

const elsewhere = Symbol('elsewhere');
const unusableAnswer = {
  proxy: 'The service asks for proxy authentication.',
  redirect: 'The service redirects to another place, which is not followed.',
};
