import type { Problem } from './problem.js';

export interface RenderedProblem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** RFC 9457 `application/problem+json`. */
export function renderProblemJson(problem: Problem, requestId: string): RenderedProblem {
  return {
    status: problem.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...problem.headers,
    },
    body: JSON.stringify({
      type: `urn:symbolon:${problem.code}`,
      title: problem.title,
      status: problem.status,
      detail: problem.detail,
      requestId,
      ...(problem.errors ? { errors: problem.errors } : {}),
      ...problem.extra,
    }),
  };
}

/** RFC 6749 §5.2 error answer of the token endpoint. */
export function renderOAuthError(
  error: string,
  description: string,
  status = 400,
  extra: Readonly<Record<string, unknown>> = {},
): RenderedProblem {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'x-content-type-options': 'nosniff',
    },
    body: JSON.stringify({ error, error_description: description, ...extra }),
  };
}

export type JsonRpcId = string | number | null;

/** JSON-RPC 2.0 error object as MCP's Streamable HTTP carries it. */
export function renderJsonRpcError(
  id: JsonRpcId,
  code: number,
  message: string,
  data?: unknown,
): { jsonrpc: '2.0'; id: JsonRpcId; error: { code: number; message: string; data?: unknown } } {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } };
}
