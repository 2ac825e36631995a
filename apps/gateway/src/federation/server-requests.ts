import { setMaxListeners } from 'node:events';
import { isObject, type JsonObject } from '../mcp/message.js';
import type { RpcFault, ServerRequestAnswer } from './peer.js';
import { requestIds } from './request-ids.js';

interface Asked {
  readonly nonce: string;
  readonly origin: string;
  readonly send: (message: JsonObject) => void;
  readonly settle: (answer: ServerRequestAnswer) => void;
}

export interface Question {
  /** Who asks, and its own id of the question. */
  readonly origin: string;
  readonly method: string;
  readonly params: JsonObject;
}

/** Of a question with this id of the server's, to the session `nonce`. */
export function originOf(nonce: string, slug: string, id: unknown): string {
  return JSON.stringify([nonce, slug, id]);
}

/** People may take their time; a client that lost its stream never answers. */
const patienceMs = 10 * 60_000;
const gone: RpcFault = { code: -32000, message: 'The client has gone.' };

/** Requests of servers that legacy clients were asked and have not answered yet, under ids of our own. */
export class ServerRequests {
  readonly #asked = new Map<string, Asked>();

  /** Asks the session's client by `send`; an error where `signal` ends the wait. */
  ask(
    nonce: string,
    { origin, ...question }: Question,
    send: (message: JsonObject) => void,
    signal: AbortSignal,
  ): Promise<ServerRequestAnswer> {
    const id = requestIds.next();
    // A server may ask many things at once on one stream: that is no leak.
    setMaxListeners(0, signal);
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle({ error: gone }), patienceMs);
      timer.unref();
      const settle = (answer: ServerRequestAnswer): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        this.#asked.delete(id);
        resolve(answer);
      };
      const abort = (): void => settle({ error: gone });
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) return settle({ error: gone });
      this.#asked.set(id, { nonce, origin, send, settle });
      send({ jsonrpc: '2.0', id, ...question });
    });
  }

  /** The server has lost its interest: the client may stop asking its person. */
  withdrawn(origin: string, reason: unknown): void {
    for (const [id, asked] of this.#asked) {
      if (asked.origin !== origin) continue;
      const params = { requestId: id, ...(typeof reason === 'string' ? { reason } : {}) };
      asked.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
      asked.settle({ error: gone });
    }
  }

  /** The client's answer; one to a question of another session answers nothing. */
  answered(nonce: string, message: unknown): void {
    if (!isObject(message)) return;
    const asked = this.#asked.get(String(message['id']));
    if (asked?.nonce !== nonce) return;
    const { result, error } = message;
    asked.settle(isFault(error) ? { error } : { result: result ?? {} });
  }
}

function isFault(value: unknown): value is RpcFault {
  return (
    isObject(value) && typeof value['code'] === 'number' && typeof value['message'] === 'string'
  );
}
