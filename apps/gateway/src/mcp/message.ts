import { isAscii } from 'node:buffer';
import { JsonRefused, scanJson, type ScannedMessage } from './json-scan.js';

export type JsonObject = Readonly<Record<string, unknown>>;

export interface McpRequest {
  readonly kind: 'request';
  readonly id: string | number;
  readonly method: string;
  readonly params: JsonObject;
  readonly body: MessageBody;
}

export interface McpNotification {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: JsonObject;
  readonly body: MessageBody;
}

/** The client's answer to a request of the server (legacy era only). */
export interface McpResponse {
  readonly kind: 'response';
  readonly body: MessageBody;
}

export type McpMessage = McpRequest | McpNotification | McpResponse;

/** The bytes as received; they are what goes upstream. */
export interface MessageBody {
  readonly bytes: Buffer;
  readonly text: string;
  readonly scanned: ScannedMessage;
}

export interface BadMessage {
  readonly kind: 'bad';
  /** JSON-RPC 2.0 §5.1: -32700 or -32600. */
  readonly code: number;
  readonly message: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const longestId = 1024;
const bad = (code: number, message: string): BadMessage => ({ kind: 'bad', code, message });

/** One JSON-RPC message; batches ended with revision 2025-06-18. */
export function parseMessage(bytes: Buffer): McpMessage | BadMessage {
  let body: MessageBody;
  let value: unknown;
  try {
    const text = isAscii(bytes) ? bytes.toString('latin1') : utf8.decode(bytes);
    body = { bytes, text, scanned: scanJson(text) };
    value = JSON.parse(text);
  } catch (error) {
    return bad(
      -32700,
      `Parse error: ${error instanceof JsonRefused ? error.message : 'this is not JSON in UTF-8'}.`,
    );
  }
  return messageOf(value, body);
}

function messageOf(value: unknown, body: MessageBody): McpMessage | BadMessage {
  if (Array.isArray(value)) return bad(-32600, 'Invalid request: batches are not accepted.');
  if (!isObject(value) || value['jsonrpc'] !== '2.0')
    return bad(-32600, 'Invalid request: this is not JSON-RPC 2.0.');
  const { id, method, params } = value;
  if (method === undefined) {
    const answers = isId(id) && ('result' in value || 'error' in value);
    return answers
      ? { kind: 'response', body }
      : bad(-32600, 'Invalid request: a method is missing.');
  }
  if (typeof method !== 'string' || method === '')
    return bad(-32600, 'Invalid request: method must be a string.');
  if (params !== undefined && !isObject(params))
    return bad(-32600, 'Invalid request: params must be an object.');
  if (!('id' in value)) return { kind: 'notification', method, params: params ?? {}, body };
  if (!isId(id)) return bad(-32600, 'Invalid request: id must be a string or an integer.');
  return { kind: 'request', id, method, params: params ?? {}, body };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is string | number {
  return typeof value === 'string' ? value.length <= longestId : Number.isSafeInteger(value);
}

// SEP-2243, and SEP-2663 for tasks: a method that is not in these lists is the upstream's to judge.
const nameMembers: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** What stands in `Mcp-Name` for this request, or undefined where the method has no such header. */
export function nameOf(message: McpRequest): string | undefined {
  const { method, params } = message;
  const member = nameMembers.get(method);
  const value = member === undefined ? undefined : params[member];
  return typeof value === 'string' ? value : undefined;
}

/**
 * The body with members of `params` left out and others put in, everything else byte for byte: parsing and
 * printing again would round an integer beyond 2^53 in somebody's arguments.
 */
export function withParams(
  body: MessageBody,
  leaveOut: readonly string[],
  putIn: readonly string[],
): Buffer {
  const { params, members } = body.scanned;
  if (params === undefined) return body.bytes;
  const kept = [...members].filter(([name]) => !leaveOut.includes(name));
  const texts = kept.map(([, span]) => body.text.slice(span.start, span.end));
  const inner = [...texts, ...putIn].join(',');
  return Buffer.from(
    `${body.text.slice(0, params.start)}{${inner}}${body.text.slice(params.end)}`,
    'utf8',
  );
}

/** The text of one member of `params`, `"name": value`, or undefined. */
export function memberText(body: MessageBody, name: string): string | undefined {
  const span = body.scanned.members.get(name);
  return span === undefined ? undefined : body.text.slice(span.start, span.end);
}

/** Empty where there is none. */
export function metaOf(message: McpRequest): Readonly<Record<string, unknown>> {
  const meta = message.params['_meta'];
  return isObject(meta) ? meta : {};
}
