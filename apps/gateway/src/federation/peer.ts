import type { BorrowedCredential, CredentialAnswer } from '../credentials/credentials.js';
import type { BorrowWish } from '../mcp/borrow.js';
import type { McpCall } from '../mcp/mcp-call.js';
import type { JsonObject } from '../mcp/message.js';
import { notMcp, type Called, type Failure, type UpstreamMessage } from '../mcp/upstream-call.js';
import type { ClientProfile } from './federated-call.js';
import { MessageTooLong } from './read-messages.js';

export interface RpcFault {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** What one request to an upstream came to. */
export type PeerAnswer =
  | { readonly kind: 'result'; readonly result: JsonObject }
  | { readonly kind: 'error'; readonly error: RpcFault; readonly status?: number }
  /** `status`: of HTTP, where there was an answer that is none of MCP. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly status?: number }
  | {
      readonly kind: 'no-credential';
      readonly answer: Exclude<CredentialAnswer, BorrowedCredential>;
    };

/** A request that a legacy server sends while it works on ours. */
export interface ServerRequest {
  readonly id: unknown;
  readonly method: string;
  readonly params: JsonObject;
  /** Sends the client's answer, once. */
  readonly respond: (answer: ServerRequestAnswer) => void;
}

export type ServerRequestAnswer = { readonly result: unknown } | { readonly error: RpcFault };

export interface PeerRequest {
  readonly method: string;
  /** As the upstream knows the names and URIs; without what an era keeps in `_meta`. */
  readonly params: JsonObject;
  /** The id at the upstream; unique at this replica. */
  readonly id: string;
  readonly signal: AbortSignal;
  readonly wish: BorrowWish;
  /** Headers beside the era's own: `Mcp-Param-*`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** It was sent already: what came of that. */
  readonly begun?: Called | undefined;
  /** The answer has begun, as a stream. */
  readonly onStream?: () => void;
  readonly onNotification?: (method: string, params: JsonObject) => void;
  readonly onServerRequest?: (request: ServerRequest) => void;
}

/** Who asks, at which upstream, with what credential. */
export interface PeerCall {
  readonly call: McpCall;
  readonly client: ClientProfile;
  readonly credential: BorrowedCredential;
}

/** One upstream as one person meets it, whatever its era. */
export interface Peer {
  request(at: PeerCall, request: PeerRequest): Promise<PeerAnswer>;
}

/** What of a request says how it is sent. */
export type Unsent = Pick<PeerRequest, 'id' | 'method' | 'params' | 'headers'>;

/** A request as it is sent; its answer bears the request's id. */
export type SentRequest = Pick<UpstreamMessage, 'headers'> & { readonly body: Buffer };

export const notMcpAnswer = { kind: 'failed', failure: notMcp } as const;

/** What it means that an answer ended before it was there. */
export function brokenOff(error: unknown): Extract<PeerAnswer, { kind: 'failed' }> {
  if (!(error instanceof MessageTooLong)) return notMcpAnswer;
  return { kind: 'failed', failure: { code: 'upstream-invalid', detail: error.message } };
}

/** What a call without an answer means to whoever asked. */
export function unanswered(called: Exclude<Called, { kind: 'answered' }>): PeerAnswer {
  return called.kind === 'failed'
    ? { kind: 'failed', failure: called.failure }
    : { kind: 'no-credential', answer: called.answer };
}

/** The answer in a JSON-RPC response; undefined where it is none. */
export function answerIn(
  message: JsonObject,
): Extract<PeerAnswer, { kind: 'result' | 'error' }> | undefined {
  const { result, error } = message;
  if (isFault(error)) return { kind: 'error', error };
  return isRecord(result) ? { kind: 'result', result } : undefined;
}

export function isFault(value: unknown): value is RpcFault {
  return (
    isRecord(value) && typeof value['code'] === 'number' && typeof value['message'] === 'string'
  );
}

function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
