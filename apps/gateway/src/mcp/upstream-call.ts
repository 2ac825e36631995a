import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ProblemCode } from '#lib/problem/catalogue';
import type { JsonRpcId } from '#lib/problem/render';
import type { BorrowedCredential, CredentialAnswer } from '../credentials/credentials.js';
import { upstreamProblem } from '../http/refusals.js';
import { credentialRequest, takesCredential, type BorrowWish } from './borrow.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { problemAnswer, type RpcAnswer } from './rpc-answer.js';

export interface UpstreamMessage {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Ends the call to the upstream, its stream included. */
  readonly signal: AbortSignal;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
}

/** Why there is no answer to pass on: a code of the catalogue and a public sentence. */
export interface Failure {
  readonly code: ProblemCode;
  readonly detail: string;
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
 * (bodies are buffered, ≤1 MiB); the upstream's challenge and redirects are meant for us, not for the caller.
 */
export async function callUpstream(
  deps: McpDeps,
  call: McpCall,
  credential: BorrowedCredential,
  message: UpstreamMessage,
  wish: BorrowWish,
): Promise<Called> {
  const first = await send(call, credential, message);
  if (first.kind !== 'answered' || first.answer.status !== 401) return first;
  discard(first.answer);
  if (!takesCredential(call)) return rejected(call);
  const replaced = await deps.credentials.replace(credentialRequest(call, wish), credential);
  // The vault has no other token: a replay would be refused again.
  if (replaced === credential) return rejected(call);
  if (replaced.kind !== 'credential') return { kind: 'no-credential', answer: replaced };
  const second = await send(call, replaced, message);
  if (second.kind !== 'answered' || second.answer.status !== 401) return second;
  discard(second.answer);
  return rejected(call);
}

async function send(
  call: McpCall,
  credential: BorrowedCredential,
  message: UpstreamMessage,
): Promise<Called> {
  const { signal } = message;
  const { upstream } = call;
  try {
    const answer = await upstream.dispatcher.request({
      origin: upstream.origin,
      path: upstream.basePath === '' ? '/' : upstream.basePath,
      method: message.method,
      headers: {
        ...message.headers,
        'accept-encoding': 'identity',
        ...(credential.header === undefined
          ? {}
          : { [credential.header[0]]: credential.header[1] }),
      },
      body: message.body ?? null,
      signal:
        credential.revoked === undefined ? signal : AbortSignal.any([signal, credential.revoked]),
      headersTimeout: upstream.config.timeoutMs,
      // A stream may be silent for long; an answer that is no stream has its own deadline (relay).
      bodyTimeout: 0,
    });
    return judge(
      call,
      { status: answer.statusCode, headers: answer.headers, body: answer.body },
      credential,
    );
  } catch (error) {
    return { kind: 'failed', failure: failureOf(call, credential, error) };
  }
}

function failureOf(call: McpCall, credential: BorrowedCredential, error: unknown): Failure {
  const { name } = call.upstream.config;
  if (credential.revoked?.aborted === true)
    return { code: 'interaction-required', detail: `${name} was disconnected during this call.` };
  return upstreamProblem(error instanceof Error ? error : new Error('no answer'));
}

function judge(call: McpCall, answer: UpstreamAnswer, credential: BorrowedCredential): Called {
  const failure = unusable(call, answer);
  if (failure === undefined) return { kind: 'answered', answer, credential };
  discard(answer);
  return { kind: 'failed', failure };
}

function unusable(call: McpCall, answer: UpstreamAnswer): Failure | undefined {
  const { status, headers } = answer;
  const code = 'upstream-invalid';
  if (status >= 300 && status < 400)
    return { code, detail: 'The upstream answered with a redirect.' };
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    return { code, detail: 'The upstream answered with a content coding that was not asked for.' };
  return status === 403 ? missingScope(call, headers['www-authenticate']) : undefined;
}

/** RFC 6750 §3.1 `insufficient_scope`: of the challenge only the scope is told, it is what is missing. */
function missingScope(call: McpCall, header: string | string[] | undefined): Failure | undefined {
  const challenge = [header ?? []].flat().join(', ');
  if (!/error="?insufficient_scope"?/.test(challenge)) return undefined;
  const scope = /scope="([\x20\x21\x23-\x5b\x5d-\x7e]{1,512})"/.exec(challenge)?.[1];
  const wanted = scope === undefined ? 'more permission' : `the permission "${scope}"`;
  const detail = `${call.upstream.config.name} asks for ${wanted}, which has not been granted.`;
  return { code: 'insufficient-scope', detail };
}

function rejected(call: McpCall): Called {
  const detail = `${call.upstream.config.name} refuses the stored token.`;
  return { kind: 'failed', failure: { code: 'upstream-rejected-credential', detail } };
}

/** Nobody reads this body: free the connection. */
export function discard(answer: UpstreamAnswer): void {
  answer.body.on('error', () => undefined);
  answer.body.destroy();
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
  return problemAnswer(id, failure.code, failure.detail, call.requestId);
}
