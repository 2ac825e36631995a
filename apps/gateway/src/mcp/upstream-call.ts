import { text } from 'node:stream/consumers';
import type { Dispatcher } from 'undici';
import type { ProblemCode } from '#lib/problem/catalogue';
import { Problem } from '#lib/problem/problem';
import type { JsonRpcId } from '#lib/problem/render';
import type { BorrowedCredential, CredentialAnswer } from '../credentials/credentials.js';
import { grow, stillMissing } from '../credentials/grow.js';
import type { ProvenRequest, RequestTarget } from '../credentials/proven-request.js';
import { withQueryCredential } from '../credentials/query-credential.js';
import { missingScopes } from '../credentials/scope-challenge.js';
import { isNotTheUpstreams } from '../http/call-ends.js';
import { circuitOpen, upstreamProblem } from '../http/refusals.js';
import { traceContext } from '../http/trace-context.js';
import { credentialRequest, takesCredential, type BorrowWish } from './borrow.js';
import { DirectAnswer, ended, type Ending } from './direct-answer.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { problemAnswer, type RpcAnswer } from './rpc-answer.js';

export interface UpstreamMessage {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Ends the call to the upstream, its stream included. */
  readonly signal: AbortSignal;
}

/** Its body is read by one: as a stream, or by `pipeTo`. */
export type UpstreamAnswer = Pick<
  DirectAnswer,
  'status' | 'headers' | 'body' | 'pipeTo' | 'abort' | 'discard'
>;

/** Why there is no answer to pass on: a code of the catalogue and a public sentence. */
export interface Failure {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const notMcp: Failure = {
  code: 'upstream-invalid',
  detail: 'The upstream answered something that is not MCP.',
};

export type Called =
  | {
      readonly kind: 'answered';
      readonly answer: UpstreamAnswer;
      readonly credential: BorrowedCredential;
    }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The refused credential could not be replaced: whatever the vault says now. */
  | {
      readonly kind: 'no-credential';
      readonly answer: Exclude<CredentialAnswer, BorrowedCredential>;
    };

/**
 * Sends one message with the borrowed credential. A 401 of the upstream forces one refresh and one replay
 * (bodies are buffered, ≤1 MiB), `insufficient_scope` asks once for more; the upstream's challenge and redirects are
 * meant for us, not for the caller. `begun` is what the message was answered where it has been sent once already.
 */
export async function callUpstream(
  deps: McpDeps,
  call: McpCall,
  credential: BorrowedCredential,
  ...[message, wish, begun]: [UpstreamMessage, BorrowWish, Called?]
): Promise<Called> {
  const called = await withAcceptedToken(deps, call, credential, message, wish, begun);
  const missing = missingIn(called);
  if (called.kind !== 'answered' || missing === undefined) return called;
  discard(called.answer);
  const request = credentialRequest(call, wish);
  if (!isPersonal(call)) return insufficient(stillMissing(request, missing));
  const growth = await grow(deps.credentials, request, called.credential, missing);
  if (growth.kind === 'never') return insufficient(growth.detail);
  if (growth.kind === 'answer') return { kind: 'no-credential', answer: growth.answer };
  const again = await send(call, growth.credential, message);
  const lacking = missingIn(again);
  if (again.kind !== 'answered') return again;
  if (lacking === undefined && again.answer.status !== 401) return again;
  discard(again.answer);
  return lacking === undefined ? rejected(call) : insufficient(stillMissing(request, lacking));
}

async function withAcceptedToken(
  deps: McpDeps,
  call: McpCall,
  credential: BorrowedCredential,
  ...[message, wish, begun]: [UpstreamMessage, BorrowWish, Called?]
): Promise<Called> {
  const first = begun ?? (await send(call, credential, message));
  if (!isRefused(first)) return first;
  discard(first.answer);
  const replaced = await (isPersonal(call)
    ? deps.credentials.replace(credentialRequest(call, wish), credential)
    : deps.credentials.replaceService(call.upstream.config, credential));
  // The vault has no other token: a replay would be refused again.
  if (replaced === credential) return rejected(call);
  if (replaced.kind !== 'credential') return { kind: 'no-credential', answer: replaced };
  const second = await send(call, replaced, message);
  if (!isRefused(second)) return second;
  discard(second.answer);
  return rejected(call);
}

/** Whether another credential can be asked for on the caller's behalf. */
function isPersonal(call: McpCall): boolean {
  return takesCredential(call) && call.lentPublicly !== true;
}

type Answered = Extract<Called, { kind: 'answered' }>;

function missingIn(called: Called): readonly string[] | undefined {
  if (called.kind !== 'answered') return undefined;
  const { status, headers } = called.answer;
  return missingScopes(status, headers['www-authenticate']);
}

/** The token itself is not accepted; more scope would not help. */
function isRefused(called: Called): called is Answered {
  return (
    called.kind === 'answered' && called.answer.status === 401 && missingIn(called) === undefined
  );
}

async function send(
  call: McpCall,
  credential: BorrowedCredential,
  message: UpstreamMessage,
): Promise<Called> {
  const target = targetOf(call, credential, message.method);
  const proven = credential.dpop?.request(target);
  try {
    let answer = await request(call, credential, message, { target, proven });
    // RFC 9449 §9: the token is good; the proof lacked a nonce, or was not understood.
    while (proven?.heard(answer.status, answer.headers) === true) {
      discard(answer);
      answer = await request(call, credential, message, { target, proven });
    }
    return judge(answer, credential);
  } catch (error) {
    return { kind: 'failed', failure: failureOf(call, credential, error) };
  }
}

export function targetOf(
  { upstream: { origin, basePath } }: McpCall,
  { query }: BorrowedCredential,
  method: string,
): RequestTarget {
  return { method, origin, path: withQueryCredential(basePath === '' ? '/' : basePath, query) };
}

async function request(
  call: McpCall,
  credential: BorrowedCredential,
  { headers, body, signal }: UpstreamMessage,
  { target, proven }: { target: RequestTarget; proven: ProvenRequest | undefined },
): Promise<UpstreamAnswer> {
  const { dispatcher, breaker } = call.upstream;
  const pauseSeconds = breaker.enter();
  if (pauseSeconds > 0) throw circuitOpen(call.upstream, pauseSeconds);
  try {
    const sent = dispatched(call, credential, { headers, body }, { target, proven });
    const answer = await DirectAnswer.to(dispatcher, sent, endingOf(call, credential, signal));
    breaker.answered(answer.status);
    return answer;
  } catch (error) {
    if (error === ended || isNotTheUpstreams(error)) breaker.abandoned();
    else breaker.failed();
    throw error;
  }
}

/** One message as undici takes it. */
export function dispatched(
  { upstream, request, token }: McpCall,
  credential: BorrowedCredential,
  { headers, body }: Pick<UpstreamMessage, 'headers' | 'body'>,
  { target, proven }: { target: RequestTarget; proven?: ProvenRequest | undefined },
): Dispatcher.DispatchOptions {
  const list = ['accept-encoding', 'identity'];
  for (const name in headers) list.push(name, headers[name] ?? '');
  list.push(...(proven?.headers() ?? credential.header ?? []), ...(credential.extra ?? []));
  if (credential.extra?.includes('traceparent') !== true)
    list.push(...traceContext(request.headers, token));
  return {
    origin: target.origin,
    path: target.path,
    method: target.method as Dispatcher.HttpMethod,
    headers: list,
    body: body ?? null,
    headersTimeout: upstream.config.timeoutMs,
    // A stream may be silent for long; an answer that is no stream has its own deadline (relay).
    bodyTimeout: 0,
  };
}

/** The client's leaving, and the revocation of what was borrowed for it (R3). */
function endingOf(
  { token }: McpCall,
  { revocation }: BorrowedCredential,
  signal: AbortSignal,
): Ending {
  return {
    watch: (end) => {
      const unwatch = revocation?.watch(end, token);
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
      return () => {
        unwatch?.();
        signal.removeEventListener('abort', end);
      };
    },
  };
}

export function failureOf(call: McpCall, credential: BorrowedCredential, error: unknown): Failure {
  const { name } = call.upstream.config;
  if (credential.revocation?.happened === true)
    return { code: 'interaction-required', detail: `${name} was disconnected during this call.` };
  if (error instanceof Problem) return error;
  return upstreamProblem(error instanceof Error ? error : new Error('no answer'));
}

export function judge(answer: UpstreamAnswer, credential: BorrowedCredential): Called {
  const failure = unusable(answer);
  if (failure === undefined) return { kind: 'answered', answer, credential };
  discard(answer);
  return { kind: 'failed', failure };
}

function unusable(answer: UpstreamAnswer): Failure | undefined {
  const { status, headers } = answer;
  const code = 'upstream-invalid';
  if (status >= 300 && status < 400)
    return { code, detail: 'The upstream answered with a redirect.' };
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    return { code, detail: 'The upstream answered with a content coding that was not asked for.' };
  return undefined;
}

function insufficient(detail: string): Called {
  return { kind: 'failed', failure: { code: 'insufficient-scope', detail } };
}

function rejected({ upstream, brought }: McpCall): Called {
  const { name, callerHeader } = upstream.config;
  const which = brought === undefined ? 'the stored token' : `the token sent in ${callerHeader}`;
  const detail = `${name} refuses ${which}.`;
  return { kind: 'failed', failure: { code: 'upstream-rejected-credential', detail } };
}

/** Nobody reads this body: free the connection. */
export function discard(answer: UpstreamAnswer): void {
  answer.discard();
}

/** Reads a short answer whole; undefined where it is longer than `limit` bytes or breaks off. */
export async function readWhole(
  answer: UpstreamAnswer,
  limit: number,
): Promise<string | undefined> {
  let length = 0;
  answer.body.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > limit) answer.body.destroy(new Error('too long'));
  });
  return text(answer.body).catch(() => undefined);
}

export function failureAnswer(call: McpCall, id: JsonRpcId, failure: Failure): RpcAnswer {
  return problemAnswer(id, failure.code, failure.detail, call.requestId, failure.headers);
}
