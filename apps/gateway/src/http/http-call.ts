import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { Problem } from '#lib/problem/problem';
import { WholeRequest } from '../connection/whole-request.js';
import { bearsSomething, type BorrowedCredential } from '../credentials/credentials.js';
import type { ProvenRequest } from '../credentials/proven-request.js';
import { withoutQueryCredential, withQueryCredential } from '../credentials/query-credential.js';
import { missingScopes } from '../credentials/scope-challenge.js';
import { personKey } from '../credentials/use.js';
import type { Admitted } from '../inbound/inbound.js';
import { bodyTooLarge } from '../limits/request-sizes.js';
import type { StreamPlace } from '../limits/upstream-limits.js';
import { isEventStream, locationOf } from './answer-head.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { BorrowingCall } from './borrowing-call.js';
import { clientLeft, grantRevoked, isNotTheUpstreams, notPassedOn } from './call-ends.js';
import { type Egress, egressOf } from './egress.js';
import type { HttpCallDeps, RawExchange } from './http-exchange.js';
import { OpenAnswer } from './open-answer.js';
import { circuitOpen, limitProblem, rejectedOnce, upstreamProblem } from './refusals.js';
import {
  bodyKind,
  BodyTooLarge,
  detachedBody,
  readShortBody,
  throwAwayRest,
} from './request-body.js';
import { forwardedHeaders } from './request-headers.js';
import { returnedHeaders } from './response-headers.js';
import { retryAfterAnswer, retryAfterError } from './retry.js';
import { upstreamPath } from './upstream-path.js';

/**
 * One admitted call on its way: the request goes out with the borrowed credential, the answer comes back as
 * it arrives. This object is undici's handler itself, so a call costs no stream, no promise and no copy of a
 * body where the credential is at hand.
 */
export class HttpCall extends BorrowingCall implements Dispatcher.DispatchHandler {
  /** What the connection becomes where the upstream agrees. */
  protected readonly upgrade: string | undefined = undefined;
  readonly #egress: Egress | undefined;
  protected readonly open = new OpenAnswer();
  #body: Buffer | null | 'stream' = null;
  #controller: Dispatcher.DispatchController | undefined;
  /** Of a token that is bound to a key. */
  #proven: ProvenRequest | undefined;
  #retried = false;
  /** The attempt under way has a status. */
  #answered = false;
  #place: StreamPlace | undefined;

  constructor(
    deps: HttpCallDeps,
    admitted: Admitted,
    upstream: PreparedUpstream,
    exchange: RawExchange,
  ) {
    super(deps, admitted, upstream, exchange);
    this.#place = exchange.place;
    this.#egress = egressOf(upstream.config);
  }

  get replayable(): boolean {
    return this.#body !== 'stream';
  }

  start(): void {
    const kind = bodyKind(this.request);
    if (kind === 'short') readShortBody(this.request, (body) => this.#sendWith(body));
    else {
      if (kind === 'stream') this.#body = 'stream';
      this.borrow();
    }
  }

  /** The client is gone, or has its whole answer. */
  closed(): void {
    this.ended = true;
    this.#place?.leave();
    this.open.close();
    this.#controller?.abort(clientLeft);
  }

  #sendWith(body: Buffer): void {
    this.#body = body;
    this.borrow();
  }

  protected send(again = false): void {
    const { request, upstream, credential } = this;
    if (credential === undefined) return;
    const pauseSeconds = upstream.breaker.enter();
    if (pauseSeconds > 0) return this.refuse(circuitOpen(upstream, pauseSeconds));
    this.#answered = false;
    const method = request.method as Dispatcher.HttpMethod;
    const path = withQueryCredential(upstreamPath(upstream, request.url ?? ''), credential.query);
    const { origin } = upstream;
    const { dpop } = credential;
    this.#proven = dpop && (again ? this.#proven : dpop.request({ method, origin, path }));
    upstream.dispatcher.dispatch(
      {
        origin,
        path,
        method,
        headers: this.headers(credential),
        body: this.#outgoingBody(),
        headersTimeout: upstream.config.timeoutMs,
        bodyTimeout: this.deps.silenceMs,
        upgrade: this.upgrade,
      },
      this,
    );
  }

  protected headers({ header, extra }: BorrowedCredential): string[] {
    const { headers } = this.request;
    const { token } = this.admitted;
    const listed = this.#egress?.requestHeaders;
    const { callerHeader } = this.upstream.config;
    const added = { injected: header?.[0], extra, token, callerHeader, listed };
    const list = forwardedHeaders(headers, added);
    list.push(...(this.#proven?.headers() ?? header ?? []), ...(extra ?? []));
    const length = this.#body === 'stream' ? headers['content-length'] : undefined;
    if (length !== undefined) list.push('content-length', length);
    return list;
  }

  #outgoingBody(): Buffer | Readable | null {
    if (this.#body !== 'stream') return this.#body;
    const { request } = this;
    if (request instanceof WholeRequest) return request.body;
    return detachedBody(request, this.upstream.config.limits?.bodyBytes);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.ended) controller.abort(clientLeft);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    this.answeredWith(status);
    if (this.#asksAgain(controller, status, headers)) return;
    const target = this.request.url ?? '';
    const head = { status, headers, target };
    const location = locationOf(this.upstream, this.deps.publicUrl, head);
    if (location instanceof Problem) return this.#refuseAnswer(controller, location);
    if (isEventStream(headers) && !this.#takesPlace(controller)) return;
    const list = withoutQueryCredential(
      returnedHeaders(headers, location, this.#egress?.responseHeaders),
      this.credential?.query,
    );
    if (this.exchange.rateFields !== undefined) list.push(...this.exchange.rateFields);
    this.response.writeHead(status, list);
    // What came in the same packet goes out with the head; otherwise the head goes alone, at once.
    process.nextTick(headAlone, this);
  }

  protected answeredWith(status: number): void {
    this.#answered = true;
    this.upstream.breaker.answered(status);
  }

  /** Answers that are between the upstream and us. */
  #asksAgain(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): boolean {
    const { credential } = this;
    // RFC 9449 §9: the token is good; the proof lacked a nonce, or was not understood.
    if (this.#proven?.heard(status, headers) === true)
      return this.#drop(controller, () => this.#proveAgain());
    if (status < 400) return false;
    const missing = missingScopes(status, headers['www-authenticate']);
    if (missing !== undefined && credential !== undefined && bearsSomething(credential))
      return this.#drop(controller, () => this.refusals.missing(credential, missing));
    if (status === 401) return this.#drop(controller, () => this.refusals.notAccepted(credential));
    const waitMs = this.#retried ? undefined : retryAfterAnswer(this.#method, status, headers);
    if (waitMs === undefined) return false;
    return this.#drop(controller, () => this.#sendOnceMore(waitMs));
  }

  /** This answer goes no further; `then` says what follows. */
  #drop(controller: Dispatcher.DispatchController, then: () => void): true {
    controller.abort(notPassedOn);
    then();
    return true;
  }

  get #method(): string {
    return this.request.method ?? '';
  }

  #proveAgain(): void {
    if (!this.replayable) return this.refuse(rejectedOnce(this.upstream));
    setImmediate(() => {
      if (!this.ended) this.send(true);
    });
  }

  /** Streams are counted, and end with the caller's token. */
  #takesPlace(controller: Dispatcher.DispatchController): boolean {
    const { caller } = this.admitted;
    const { limits, clock } = this.deps;
    const place = this.#place ?? limits.openStream(personKey(caller), this.upstream.config);
    if (place.kind === 'limited') {
      this.#refuseAnswer(controller, limitProblem(place));
      return false;
    }
    this.#place = place;
    this.open.expireIn(caller.expiresAt - clock.now(), () => this.response.end());
    return true;
  }

  #refuseAnswer(controller: Dispatcher.DispatchController, problem: Problem): void {
    this.refuse(problem);
    controller.abort(notPassedOn);
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
    if (!this.#answered) this.#noAnswer(error);
    if (this.ended || error === notPassedOn || this.response.writableEnded) return;
    if (error === grantRevoked) this.response.destroy();
    else if (error instanceof BodyTooLarge) this.#bodyTooLarge();
    else if (!this.#retries(error)) this.refuse(upstreamProblem(error));
  }

  #noAnswer(error: Error): void {
    const { breaker } = this.upstream;
    if (isNotTheUpstreams(error)) breaker.abandoned();
    else breaker.failed();
  }

  #retries(error: Error): boolean {
    if (this.#retried || this.#answered || !this.replayable) return false;
    const waitMs = retryAfterError(this.#method, error);
    if (waitMs === undefined) return false;
    this.#sendOnceMore(waitMs);
    return true;
  }

  #sendOnceMore(waitMs: number): void {
    this.#retried = true;
    setTimeout(() => {
      if (!this.ended) this.send();
    }, waitMs);
  }

  #bodyTooLarge(): void {
    const { name, limits } = this.upstream.config;
    this.refuse(limitProblem(bodyTooLarge(name, limits?.bodyBytes ?? 0)));
    throwAwayRest(this.request);
  }

  headAlone(): void {
    if (this.ended || this.response.writableEnded) return;
    this.response.flushHeaders();
    const { token } = this.admitted;
    this.open.watch(this.credential?.revocation, () => this.#revoked(), token);
  }

  #revoked(): void {
    this.#controller?.abort(grantRevoked);
    this.response.destroy();
  }
}

/** One function for all calls: a call makes none of its own that most calls never need. */
function headAlone(call: HttpCall): void {
  call.headAlone();
}
