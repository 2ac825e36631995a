import {
  Client as ClientOfV2,
  StreamableHTTPClientTransport as TransportOfV2,
} from '@modelcontextprotocol/client';
import type { SubscriptionFilter } from '@modelcontextprotocol/client';
import { Client as ClientOfV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportOfV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { until } from '#lib/testing/until';
import { listenTo } from './heard.js';
import type { Heard } from './heard.js';

type Params = Record<string, unknown>;

export interface Asking {
  readonly onprogress?: (progress: unknown) => void;
  readonly signal?: AbortSignal;
}

/** A client of either SDK, as far as a script of both needs it. */
export interface Peer {
  /** All messages that came, requests of the server included. */
  readonly heard: Heard[];
  /** Of the session, for requests made by hand. */
  readonly headers: () => Record<string, string>;
  /** The result as it came. */
  request(method: string, params?: Params, asking?: Asking): Promise<unknown>;
  notify(method: string): Promise<void>;
  end(): Promise<void>;
}

export type Connect = (url: string, token: string) => Promise<Peer>;

const identity = { name: 'features', version: '1' };
const capabilities = {
  elicitation: { form: {}, url: {} },
  sampling: {},
  roots: { listChanged: true },
};
const anything = z.looseObject({});
const timeout = 60_000;

/** What the person and the model behind the client answer. */
const answers: Readonly<Record<string, Record<string, unknown>>> = {
  'roots/list': { roots: [{ uri: 'file:///home/alice', name: 'home' }] },
  'sampling/createMessage': {
    role: 'assistant',
    model: 'none',
    content: { type: 'text', text: 'a model’s words' },
  },
  'elicitation/create': {
    action: 'accept',
    content: {
      name: 'Alice',
      check: true,
      interpretation: 'technical',
      color: 'blue',
      context: 'work',
      ok: true,
    },
  },
};

function answerOf(method: string): Record<string, unknown> {
  const answer = answers[method];
  if (answer === undefined) throw new Error(`${method} is not expected here`);
  return answer;
}

/** The v1 SDK. */
export const v1: Connect = async (url, token) => {
  const authorization = `Bearer ${token}`;
  const client = new ClientOfV1(identity, { capabilities });
  client.fallbackRequestHandler = ({ method }) => Promise.resolve(answerOf(method));
  const transport = new TransportOfV1(new URL(url), {
    requestInit: { headers: { authorization } },
  });
  const heard = listenTo(transport);
  await client.connect(transport);
  return {
    heard,
    headers: () => sessionHeaders(authorization, transport),
    request: (method, params = {}, asking = {}) =>
      client.request({ method, params }, anything, { timeout, ...asking }),
    notify: (method) => client.notification({ method }),
    async end() {
      await transport.terminateSession();
      await client.close();
    },
  };
};

/** The v2 SDK in the era of sessions, which it tries first unless told otherwise. */
export const v2: Connect = (url, token) =>
  connectV2(url, token, new ClientOfV2(identity, { capabilities }));

/** A client of revision 2026-07-28, which can listen. */
export interface ModernPeer extends Peer {
  listen(
    filter: SubscriptionFilter,
  ): Promise<{ readonly granted: unknown; close(): Promise<void> }>;
}

export async function modern(url: string, token: string): Promise<ModernPeer> {
  const versionNegotiation = { mode: { pin: '2026-07-28' } };
  const client = new ClientOfV2(identity, { capabilities, versionNegotiation });
  const peer = await connectV2(url, token, client);
  return {
    ...peer,
    async listen(filter) {
      const subscription = await client.listen(filter);
      return { granted: subscription.honoredFilter, close: () => subscription.close() };
    },
  };
}

async function connectV2(url: string, token: string, client: ClientOfV2): Promise<Peer> {
  const authorization = `Bearer ${token}`;
  for (const method of ['elicitation/create', 'sampling/createMessage', 'roots/list'] as const)
    client.setRequestHandler(method, () => answerOf(method) as never);
  const transport = new TransportOfV2(new URL(url), {
    requestInit: { headers: { authorization } },
  });
  const heard = listenTo(transport);
  await client.connect(transport);
  return {
    heard,
    headers: () => sessionHeaders(authorization, transport),
    request: (method, params = {}, asking = {}) =>
      client.request({ method, params }, anything, { timeout, ...asking }),
    notify: (method) => client.notification({ method }),
    async end() {
      await transport.terminateSession();
      await client.close();
    },
  };
}

function sessionHeaders(
  authorization: string,
  transport: { readonly sessionId?: string | undefined },
): Record<string, string> {
  return {
    authorization,
    'mcp-session-id': transport.sessionId ?? '',
    'mcp-protocol-version': '2025-11-25',
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
  };
}

/** The first message with this method, and these words in it, that came since `from`. */
export async function awaitMessage(
  peer: Peer,
  method: string,
  from = 0,
  words = '',
): Promise<Heard> {
  const isIt = (message: Heard) =>
    message.method === method && JSON.stringify(message).includes(words);
  const found = () => peer.heard.slice(from).find(isIt);
  if (await until(() => found() !== undefined, { seconds: 30, everyMs: 10 }))
    return found() as Heard;
  throw new Error(`${method} did not come`);
}
