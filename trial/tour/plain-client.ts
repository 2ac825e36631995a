import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

/** What came of one `tools/call`: the words of its result or error, and the challenge of a refusal. */
export interface Said {
  readonly status: number;
  readonly isError: boolean;
  readonly text: string;
  readonly challenge: string | undefined;
}

/** A connected MCP client that cannot be asked anything; with or without a corporate token. */
export class PlainClient {
  readonly #client = new Client({ name: 'symbolon-tour', version: '1.0.0' });
  #status = 0;
  #challenge: string | undefined;

  /** Connects, works, and closes again. */
  static async use<T>(
    url: string,
    token: string | undefined,
    work: (client: PlainClient) => Promise<T>,
  ): Promise<T> {
    const plain = new PlainClient();
    const headers: Record<string, string> =
      token === undefined ? {} : { authorization: `Bearer ${token}` };
    const transport = new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers },
      fetch: (input, init) => plain.#fetch(input, init),
    });
    try {
      await plain.#client.connect(transport as Transport);
      return await work(plain);
    } finally {
      await plain.#client.close().catch(() => undefined);
    }
  }

  async tools(): Promise<readonly string[]> {
    return (await this.#client.listTools()).tools.map(({ name }) => name);
  }

  async call(name: string): Promise<Said> {
    try {
      const result = await this.#client.callTool({ name, arguments: {} });
      const content = result.content as readonly { readonly text?: string }[];
      return this.#said(result.isError === true, content.map(({ text = '' }) => text).join(' '));
    } catch (error) {
      return this.#said(true, error instanceof Error ? error.message : String(error));
    }
  }

  #said(isError: boolean, text: string): Said {
    return { status: this.#status, isError, text, challenge: this.#challenge };
  }

  async #fetch(input: string | URL, init: RequestInit | undefined): Promise<Response> {
    const response = await fetch(input, init);
    if (init?.method !== 'POST') return response;
    this.#status = response.status;
    this.#challenge = response.headers.get('www-authenticate') ?? undefined;
    return response;
  }
}

/** The link to the vault in an answer, if there is one. */
export function linkIn(text: string): string | undefined {
  return /https?:\/\/[^\s"<>]+\/connect\/[\w-]+/.exec(text)?.[0];
}
