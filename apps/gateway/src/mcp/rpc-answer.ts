import { catalogue, type ProblemCode } from '#lib/problem/catalogue';
import { renderJsonRpcError, type JsonRpcId } from '#lib/problem/render';
import type { CallResponse } from '../connection/exchange.js';

/** An answer of the gateway itself: HTTP status and JSON body. */
export interface RpcAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function writeAnswer(response: CallResponse, answer: RpcAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const text = answer.body === undefined ? undefined : JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    'content-length': text === undefined ? 0 : Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...answer.headers,
  });
  response.end(text);
}

export function result(id: JsonRpcId, value: unknown): RpcAnswer {
  return { status: 200, body: { jsonrpc: '2.0', id, result: value } };
}

export function rpcError(id: JsonRpcId, code: number, message: string, data?: unknown): RpcAnswer {
  return { status: 200, body: renderJsonRpcError(id, code, message, data) };
}

/** A refusal of the catalogue in JSON-RPC's clothes; `data.problem` is the stable code. */
export function problemAnswer(
  id: JsonRpcId,
  problem: ProblemCode,
  detail: string,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): RpcAnswer {
  const { status } = catalogue[problem];
  const code = status >= 500 ? -32603 : -32000;
  return { status, headers, body: renderJsonRpcError(id, code, detail, { problem, requestId }) };
}
