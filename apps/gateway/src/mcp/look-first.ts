import { randomBytes } from 'node:crypto';
import { decideTool } from './decide-call.js';
import { Looks, type LookedPage } from './looks.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { isObject, metaOf, type JsonObject, type McpRequest } from './message.js';
import { isEventStream, isMcpAnswer } from './relay.js';
import { rewrittenEvents, rewrittenJson } from './rewrite-stream.js';
import type { RpcAnswer } from './rpc-answer.js';
import {
  discard,
  failureAnswer,
  notMcp,
  type Called,
  type UpstreamAnswer,
} from './upstream-call.js';

type NoCredential = Extract<Called, { kind: 'no-credential' }>;

/**
 * Under `hold` a call of a tool that this replica has not seen listed waits until it has read the server's own list, as
 * this caller, in their session: it may have changed since an administrator let it through.
 */
export class LookFirst {
  readonly #looks: Looks;

  constructor(private readonly deps: McpDeps) {
    this.#looks = new Looks(deps.clock);
  }

  /** What becomes of the call instead; undefined where it may go on as `call.terms` say now. */
  async judge(
    call: McpCall,
    message: McpRequest,
    ask: (body: Buffer) => Promise<Called>,
  ): Promise<RpcAnswer | NoCredential | undefined> {
    const looked = await this.#looks.once(this.deps, call, (cursor) => {
      const id = `look-${randomBytes(12).toString('hex')}`;
      const params = { ...paramsOf(message), ...(cursor === undefined ? {} : { cursor }) };
      const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list', params });
      return ask(Buffer.from(body)).then((called) => pageIn(called, id));
    });
    if (looked.kind === 'no-credential') return looked;
    if (looked.kind === 'failed') return failureAnswer(call, message.id, looked.failure);
    return decideTool(this.deps, call, message, true);
  }
}

/** What the client says of itself with each request, without what belongs to this one. */
function paramsOf(message: McpRequest): JsonObject {
  const { progressToken, ...meta } = metaOf(message);
  return Object.keys(meta).length === 0 ? {} : { _meta: meta };
}

async function pageIn(called: Called, id: string): Promise<LookedPage> {
  if (called.kind !== 'answered') return called;
  const { answer } = called;
  const isRead = answer.status < 300 && isMcpAnswer(answer);
  const result = isRead ? await resultIn(answer, id).catch(() => undefined) : undefined;
  discard(answer);
  return result === undefined ? { kind: 'failed', failure: notMcp } : { kind: 'page', result };
}

/** The result of the response with this id; undefined for any other answer. */
async function resultIn(answer: UpstreamAnswer, id: string): Promise<JsonObject | undefined> {
  let found: JsonObject | undefined;
  const read = (json: string): string => {
    for (const message of [JSON.parse(json) as unknown].flat())
      if (isObject(message) && message['id'] === id && isObject(message['result']))
        found = message['result'];
    return json;
  };
  const messages = isEventStream(answer) ? rewrittenEvents(read) : rewrittenJson(read);
  answer.body.once('error', (error) => messages.destroy(error));
  const passed = answer.body.pipe(messages)[Symbol.asyncIterator]();
  while (found === undefined) if ((await passed.next()).done === true) break;
  messages.destroy();
  return found;
}
