const modernVersion = '2026-07-28';

/** A program that calls an MCP server of either era, and can open links. */
export class McpCaller {
  #session: Record<string, string> | undefined;
  #id = 0;

  constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly revision: string,
  ) {}

  /** The answer as text, whatever it is. */
  async call(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<string> {
    if (this.revision === modernVersion) return this.#modern(method, params);
    this.#session ??= await this.#handshake();
    const answer = await this.#send({ method, params, id: this.#next() }, this.#session);
    return answer.text();
  }

  async #modern(method: string, params: Readonly<Record<string, unknown>>): Promise<string> {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': modernVersion,
      'io.modelcontextprotocol/clientInfo': { name: 'caller', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } },
    };
    const { name } = params;
    const headers = {
      'mcp-protocol-version': modernVersion,
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    };
    const answer = await this.#send(
      { method, params: { ...params, _meta }, id: this.#next() },
      headers,
    );
    return answer.text();
  }

  async #handshake(): Promise<Record<string, string>> {
    const params = {
      protocolVersion: this.revision,
      capabilities: { elicitation: { url: {} } },
      clientInfo: { name: 'caller', version: '1' },
    };
    const answer = await this.#send({ method: 'initialize', params, id: this.#next() }, {});
    await answer.text();
    const session = {
      'mcp-protocol-version': this.revision,
      'mcp-session-id': answer.headers.get('mcp-session-id') ?? '',
    };
    const ready = await this.#send({ method: 'notifications/initialized' }, session);
    await ready.text();
    return session;
  }

  #next(): number {
    this.#id += 1;
    return this.#id;
  }

  #send(message: object, headers: Readonly<Record<string, string>>): Promise<Response> {
    return fetch(this.url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  }
}
