import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  ElicitationCompleteNotificationSchema,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js';

export type ClientKind = 'modern' | 'legacy' | 'plain';

export interface ConnectOptions {
  readonly url: string;
  readonly token: string;
  readonly fetch: typeof fetch;
  /** The person has to open this link before the call can go on. */
  readonly onPause: (link: string) => void;
}

/** An SDK client that is connected; `call` resolves with the tool's result when all pauses are over. */
export interface ConnectedClient {
  call(): Promise<unknown>;
  close(): Promise<void>;
}

const tool = { name: 'whoami', arguments: {} };
const info = { name: 'symbolon-tour', version: '1.0.0' };
/** As long as a link lives. */
const patienceMs = 10 * 60_000;

export function connectClient(kind: ClientKind, options: ConnectOptions): Promise<ConnectedClient> {
  if (kind === 'modern') return connectModern(options);
  return kind === 'legacy' ? connectLegacy(options) : connectPlain(options);
}

/** Revision 2026-07-28: the SDK opens the link, sends the call again by itself, and the gateway holds that one. */
async function connectModern(options: ConnectOptions): Promise<ConnectedClient> {
  const client = new ModernClient(info, {
    capabilities: { elicitation: { url: {} } },
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  });
  client.setRequestHandler('elicitation/create', ({ params }) => {
    if ('url' in params) options.onPause(String(params.url));
    return { action: 'accept' };
  });
  await client.connect(
    new ModernTransport(new URL(options.url), {
      requestInit: { headers: { authorization: `Bearer ${options.token}` } },
      fetch: options.fetch,
    }),
  );
  return {
    call: () => client.callTool(tool, { timeout: patienceMs }),
    close: () => client.close(),
  };
}

/** Revision 2025-11-25: the call fails with -32042; the client waits for the completion and calls again. */
async function connectLegacy(options: ConnectOptions): Promise<ConnectedClient> {
  const client = new Client(info, { capabilities: { elicitation: { url: {} } } });
  const completed = new Set<string>();
  let wake: () => void = () => undefined;
  client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => {
    completed.add(params.elicitationId);
    wake();
  });
  await client.connect(legacyTransport(options));
  const completion = (id: string) =>
    new Promise<void>((resolve) => {
      wake = () => {
        if (completed.has(id)) resolve();
      };
      wake();
    });
  return {
    call: async () => {
      try {
        return await client.callTool(tool);
      } catch (error) {
        const asked = error instanceof UrlElicitationRequiredError ? error.elicitations[0] : null;
        if (!asked) throw error;
        options.onPause(asked.url);
        await completion(asked.elicitationId);
        return await client.callTool(tool);
      }
    },
    close: () => client.close(),
  };
}

/** Declares no elicitation: the tool answers with an error whose text carries the link, and that is the end of it. */
async function connectPlain(options: ConnectOptions): Promise<ConnectedClient> {
  const client = new Client(info, { capabilities: {} });
  await client.connect(legacyTransport(options));
  return {
    call: async () => {
      const result = await client.callTool(tool);
      const link = /https?:\/\/[^\s"<>]+\/connect\/[\w-]+/.exec(JSON.stringify(result))?.[0];
      if (result.isError === true && link !== undefined) options.onPause(link);
      return result;
    },
    close: () => client.close(),
  };
}

function legacyTransport({ url, token, fetch: record }: ConnectOptions): Transport {
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: record,
  });
  return transport as Transport;
}
