import { toolRule, type ToolPolicy } from '#lib/contract/tool-policy';
import type { TestGateway } from './mcp-gateway-fixture.js';

const modern = '2026-07-28';
const legacy = '2025-11-25';

export interface Posted {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The last JSON-RPC message of the answer. */
  readonly body: {
    readonly id?: unknown;
    readonly result?: Record<string, never>;
    readonly error?: { code: number; message: string; data?: { problem?: string } };
  };
}

/** Rules as an administrator writes them, with the defaults filled in. */
export function toolPolicy(
  rules: Readonly<Record<string, object>>,
  otherwise: 'allow' | 'deny' = 'allow',
): ToolPolicy {
  const parsed = Object.entries(rules).map(([name, rule]) => [name, toolRule.parse(rule)]);
  return { default: otherwise, rules: Object.fromEntries(parsed) };
}

/** A client of raw messages, in either era; `bearer` undefined calls without a token. */
export class RawClient {
  session: string | undefined;
  /** What `Mcp-Name` says; by default the name in a modern body and nothing in a legacy one. */
  names: ((name: string) => Record<string, string>) | undefined;
  /** Changes the text of a request on its way out. */
  rewrite: (body: string) => string = (body) => body;

  constructor(
    private readonly gateway: Pick<TestGateway, 'url'>,
    readonly era: 'modern' | 'legacy',
    public bearer: string | undefined,
  ) {}

  async post(body: string, headers: Record<string, string> = {}): Promise<Posted> {
    const answer = await fetch(this.gateway.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(this.bearer === undefined ? {} : { authorization: `Bearer ${this.bearer}` }),
        ...headers,
      },
      body,
    });
    const text = await answer.text();
    const data = [...text.matchAll(/^data: (\{.*)$/gm)].at(-1)?.[1] ?? text;
    return { status: answer.status, headers: answer.headers, text, body: parsed(data) };
  }

  /** One request; in the legacy era within a session, opened when it is first needed. */
  async ask(
    method: string,
    params: Record<string, unknown> = {},
    id: string | number = 7,
  ): Promise<Posted> {
    if (this.era === 'legacy') {
      this.session ??= await this.initialize();
      const text = this.rewrite(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
      return this.post(text, {
        'mcp-protocol-version': legacy,
        'mcp-session-id': this.session,
        ...this.names?.(String(params['name'])),
      });
    }
    const headers: Record<string, string> = {
      'mcp-protocol-version': modern,
      'mcp-method': method,
    };
    const name = params['name'] ?? params['uri'] ?? params['taskId'];
    if (typeof name === 'string')
      Object.assign(headers, this.names?.(name) ?? { 'mcp-name': name });
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': modern,
      'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } },
    };
    const body = { jsonrpc: '2.0', id, method, params: { ...params, _meta } };
    return this.post(this.rewrite(JSON.stringify(body)), headers);
  }

  call(name: string, args: Record<string, unknown> = {}): Promise<Posted> {
    return this.ask('tools/call', { name, arguments: args });
  }

  /** The names that a list shows. */
  async tools(): Promise<string[]> {
    const { body } = await this.ask('tools/list');
    const tools: readonly { name: string }[] = body.result?.['tools'] ?? [];
    return tools.map(({ name }) => name);
  }

  async initialize(): Promise<string> {
    const params = {
      protocolVersion: legacy,
      capabilities: { elicitation: { url: {} } },
      clientInfo: { name: 'raw', version: '1' },
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    const opened = await this.post(body);
    return opened.headers.get('mcp-session-id') ?? '';
  }
}

function parsed(text: string): Posted['body'] {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
