import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** One request as it left the client. */
export interface Sent {
  readonly httpMethod: string;
  readonly protocolVersion: string | null;
  readonly rpcMethod: string | undefined;
}

interface Recorder {
  readonly sent: Sent[];
  readonly fetch: typeof fetch;
}

function recorder(): Recorder {
  const sent: Sent[] = [];
  return {
    sent,
    fetch: (input, init) => {
      const body: unknown = typeof init?.body === 'string' ? JSON.parse(init.body) : undefined;
      sent.push({
        httpMethod: init?.method ?? 'GET',
        protocolVersion: new Headers(init?.headers).get('mcp-protocol-version'),
        rpcMethod: (body as { method?: string } | undefined)?.method,
      });
      return fetch(input, init);
    },
  };
}

/** The v2 SDK with the modern era pinned; `opened` is given each link, as a browser would be. */
export async function modernClient(url: string, token: string, opened: (link: string) => void) {
  const { sent, fetch } = recorder();
  const client = new Client(
    { name: 'modern test client', version: '1' },
    {
      capabilities: { elicitation: { url: {} } },
      versionNegotiation: { mode: { pin: '2026-07-28' } },
    },
  );
  client.setRequestHandler('elicitation/create', ({ params }) => {
    if ('url' in params) opened(String(params.url));
    return { action: 'accept' };
  });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), {
      fetch,
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  );
  return { client, sent };
}

/** The v1 SDK; without `elicitation` it declares none. */
export async function legacyClient(
  url: string,
  token: string,
  capabilities: { elicitation?: { url: Record<string, never> } } = {},
) {
  const { sent, fetch } = recorder();
  const client = new LegacyClient({ name: 'legacy test client', version: '1' }, { capabilities });
  await client.connect(
    new LegacyTransport(new URL(url), {
      fetch,
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  );
  return { client, sent };
}

export interface Whoami {
  readonly account: string;
  readonly role: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly tokenFingerprint: string;
}

/** The first text block of a tool's result. */
export function textOf(result: unknown): string {
  return (result as { content: { text?: string }[] }).content[0]?.text ?? '';
}

export function whoamiOf(result: unknown): Whoami {
  const { structuredContent } = result as { structuredContent?: Whoami };
  return structuredContent ?? (JSON.parse(textOf(result)) as Whoami);
}
