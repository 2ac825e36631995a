import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { errors } from 'undici';
import type { JsonRpcId } from '#lib/problem/render';
import type { BorrowedCredential, CredentialAnswer } from '../credentials/credentials.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
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

export type Failure =
  | { readonly kind: 'unreachable' | 'timeout' | 'invalid'; readonly detail: string }
  | { readonly kind: 'rejected-credential' }
  | { readonly kind: 'insufficient-scope'; readonly scope: string | undefined };

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
  const first = await send(call.upstream, credential, message);
  if (first.kind !== 'answered' || first.answer.status !== 401) return first;
  discard(first.answer);
  if (!takesCredential(call)) return { kind: 'failed', failure: { kind: 'rejected-credential' } };
  const replaced = await deps.credentials.replace(credentialRequest(call, wish), credential);
  if (replaced.kind !== 'credential') return { kind: 'no-credential', answer: replaced };
  const second = await send(call.upstream, replaced, message);
  if (second.kind !== 'answered' || second.answer.status !== 401) return second;
  discard(second.answer);
  return { kind: 'failed', failure: { kind: 'rejected-credential' } };
}

async function send(
  upstream: PreparedUpstream,
  credential: BorrowedCredential,
  message: UpstreamMessage,
): Promise<Called> {
  const { signal } = message;
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
      { status: answer.statusCode, headers: answer.headers, body: answer.body },
      credential,
    );
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error) };
  }
}

function judge(answer: UpstreamAnswer, credential: BorrowedCredential): Called {
  const failure = unusable(answer);
  if (failure === undefined) return { kind: 'answered', answer, credential };
  discard(answer);
  return { kind: 'failed', failure };
}

function unusable(answer: UpstreamAnswer): Failure | undefined {
  const { status, headers } = answer;
  if (status >= 300 && status < 400)
    return { kind: 'invalid', detail: 'The upstream answered with a redirect.' };
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    return {
      kind: 'invalid',
      detail: 'The upstream answered with a content coding that was not asked for.',
    };
  if (status !== 403) return undefined;
  const challenge = [headers['www-authenticate'] ?? []].flat().join(', ');
  if (!/error="?insufficient_scope"?/.test(challenge)) return undefined;
  return {
    kind: 'insufficient-scope',
    scope: /scope="([\x20\x21\x23-\x5b\x5d-\x7e]{1,512})"/.exec(challenge)?.[1],
  };
}

function failureOf(error: unknown): Failure {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.ConnectTimeoutError)
    return { kind: 'timeout', detail: 'The upstream did not answer in time.' };
  return { kind: 'unreachable', detail: 'The upstream cannot be reached.' };
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

/** Says plainly what went wrong; nothing of the upstream's answer is in it but the scope it asked for. */
export function failureAnswer(call: McpCall, id: JsonRpcId, failure: Failure): RpcAnswer {
  const { name } = call.upstream.config;
  switch (failure.kind) {
    case 'unreachable':
      return problemAnswer(id, 'upstream-unreachable', failure.detail, call.requestId);
    case 'timeout':
      return problemAnswer(id, 'upstream-timeout', failure.detail, call.requestId);
    case 'invalid':
      return problemAnswer(id, 'upstream-invalid', failure.detail, call.requestId);
    case 'rejected-credential':
      return problemAnswer(
        id,
        'upstream-rejected-credential',
        `${name} refuses the stored token.`,
        call.requestId,
      );
    case 'insufficient-scope': {
      const wanted =
        failure.scope === undefined ? 'more permission' : `the permission "${failure.scope}"`;
      const detail = `${name} asks for ${wanted}, which has not been granted.`;
      return problemAnswer(id, 'insufficient-scope', detail, call.requestId);
    }
  }
}
