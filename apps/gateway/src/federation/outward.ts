import { randomBytes } from 'node:crypto';
import { isObject, type JsonObject } from '../mcp/message.js';
import { rpcError, type RpcAnswer } from '../mcp/rpc-answer.js';
import type { ClientProfile } from './federated-call.js';
import type { RpcFault } from './peer.js';
import { withJoinedUris } from './uris.js';

/** Resource not found, before revision 2026-07-28. */
const legacyNotFound = -32_002;
const invalidParams = -32_602;
/** Headers that disagree with the body and unknown versions: between the gateway and the upstream, not the client's. */
const ourMistakes = new Set([-32_020, -32_022]);

/** A complete result of an upstream in the words of the client's era. */
export function outwardResult(
  client: ClientProfile,
  slug: string,
  method: string,
  result: JsonObject,
): JsonObject {
  const joined = withJoinedResult(slug, method, result);
  if (client.era === 'modern') {
    const cacheable = method === 'resources/read' ? { ttlMs: 0, cacheScope: 'private' } : {};
    const resultType = joined['resultType'] === 'task' ? 'task' : 'complete';
    return { ...cacheable, ...joined, resultType };
  }
  const { resultType, ttlMs, cacheScope, ...legacy } = joined;
  return legacy;
}

function withJoinedResult(slug: string, method: string, result: JsonObject): JsonObject {
  const joined = withJoinedUris(slug, result);
  return method === 'tasks/get' ? withJoinedTask(slug, joined) : joined;
}

/** A task that is done carries the result of its call (SEP-2663). */
export function withJoinedTask(slug: string, task: JsonObject): JsonObject {
  const { result } = task;
  return isObject(result) ? { ...task, result: withJoinedUris(slug, result) } : task;
}

/** An error of an upstream in the client's era; its HTTP status too, which speaks in the modern one. */
export function outwardError(
  client: ClientProfile,
  slug: string,
  id: string | number,
  error: RpcFault,
): RpcAnswer {
  const { message } = error;
  const data = slugged(slug, error.data);
  if (ourMistakes.has(error.code)) return rpcError(id, -32_603, message);
  if (client.era === 'legacy') return rpcError(id, error.code, message, data);
  const code = error.code === legacyNotFound ? invalidParams : error.code;
  const status = code === -32_601 ? 404 : code === -32_021 ? 400 : 200;
  return { ...rpcError(id, code, message, data), status };
}

/** An elicitation id of one upstream, told apart from those of others. */
export function joinedElicitationId(slug: string, id: unknown): string {
  return `${slug}:${String(id)}`;
}

/** A question of an upstream as the client's era puts it. */
export function outwardQuestion(
  client: ClientProfile,
  slug: string,
  { method, params }: { readonly method: string; readonly params: JsonObject },
): { readonly method: string; readonly params: JsonObject } {
  if (method !== 'elicitation/create' || params['mode'] !== 'url') return { method, params };
  const { elicitationId, ...rest } = params;
  if (client.era === 'modern') return { method, params: rest };
  const id = elicitationId ?? randomBytes(12).toString('base64url');
  return { method, params: { ...rest, elicitationId: joinedElicitationId(slug, id) } };
}

function slugged(slug: string, data: unknown): unknown {
  if (!isObject(data)) return data;
  const { elicitations } = data;
  if (!Array.isArray(elicitations)) return data;
  return {
    ...data,
    elicitations: elicitations.map((one: unknown) =>
      isObject(one)
        ? { ...one, elicitationId: joinedElicitationId(slug, one['elicitationId']) }
        : one,
    ),
  };
}

/** -32042 of a legacy upstream as the questions that a modern client answers. */
export function urlQuestions(error: RpcFault): Record<string, unknown> | undefined {
  const elicitations = isObject(error.data) ? error.data['elicitations'] : undefined;
  if (error.code !== -32_042 || !Array.isArray(elicitations)) return undefined;
  const questions = elicitations.filter(isObject).map(({ url, message }, i) => {
    const params = { mode: 'url', url, message };
    return [`elicitation-${i}`, { method: 'elicitation/create', params }] as const;
  });
  return questions.length === 0 ? undefined : Object.fromEntries(questions);
}
