import { corePieces, TrialStack } from '#lib/testing/trial-stack';
import { admin, TrialCaller } from '../e2e/trial-caller.js';

/** The product as it is deployed, and alice, who has connected whatever `add` adds. */
export class World {
  private constructor(
    readonly trial: TrialStack,
    readonly alice: TrialCaller,
  ) {}

  static async start(): Promise<World> {
    const trial = await TrialStack.start({ only: corePieces });
    return new World(trial, await TrialCaller.signedIn(trial, 'alice'));
  }

  stop(): Promise<void> {
    return this.trial.stop();
  }

  /** Registers an MCP server that takes tokens of the trial's provider; answers its address at the gateway. */
  async add(slug: string, url: string): Promise<string> {
    const credential = {
      type: 'oauth',
      oauthClient: 'upstream-idp',
      scopes: ['openid', 'offline_access'],
    };
    const body = { slug, name: slug, type: 'mcp', url, credential };
    const answer = await admin(this.trial, 'PUT', `upstreams/${slug}`, body);
    if (!answer.ok) throw new Error(`${slug}: ${answer.status} ${await answer.text()}`);
    await answer.body?.cancel();
    return `${this.trial.urls.gateway}/mcp/${slug}`;
  }

  /** Registers it, and alice connects it. */
  async connected(slug: string, url: string): Promise<string> {
    const address = await this.add(slug, url);
    await this.agree(await this.link(address));
    return address;
  }

  /** Alice opens a link, signs in and allows what is asked. */
  async agree(link: string): Promise<void> {
    const page = await this.alice.consent(link);
    if (page.body.includes('is connected')) return;
    const [said = page.body] = /<main.*/s.exec(page.body) ?? [];
    throw new Error(`not connected: ${page.status} ${said}`);
  }

  /** Where a call pauses that alice has not consented to yet. */
  async link(address: string): Promise<string> {
    for (;;) {
      const { headers } = this.alice;
      const answer = await fetch(address, {
        ...pausing,
        headers: { ...pausing.headers, ...headers },
      });
      const text = await answer.text();
      const found = /"url":"([^"]+)"/.exec(text)?.[1];
      if (found !== undefined) return found;
      // The gateway hears of a new upstream by an event.
      if (answer.status !== 404) throw new Error(`not paused: ${answer.status} ${text}`);
    }
  }
}

/** Any call of revision 2026-07-28, of a client that can open links. */
const pausing = {
  method: 'POST',
  headers: {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'anything',
  },
  body: JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'anything',
      arguments: {},
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } },
      },
    },
  }),
};
