import { MeasuredGateway } from '../cold/measured-gateway.js';
import { SigningIssuer } from '../cold/signing-issuer.js';
import type { Asked } from './asked.js';
import { listening } from './listening.js';
import { openSession, toolCall, type Era } from './mcp-requests.js';
import { personalUpstream } from './personal-upstream.js';
import { fiftyOneRules } from './tool-rules.js';
import { upstreamRules } from './upstream-rules.js';
import { upstreamToken } from './upstream-token.js';

const people = 200;
const tool = 'main_7';
const tools = fiftyOneRules(tool);
const { access, limits } = upstreamRules;

export type McpSubjectName = 'direct' | 'bare' | 'open' | 'ruled';

/** Somebody who answers calls of a tool. */
export interface McpSubject {
  readonly name: string;
  readonly pid: number | undefined;
  readonly calls: Readonly<Record<Era, readonly Asked[]>>;
}

/** A server, the bare proxy before it, and a gateway before it that looks at tools and one that does not. */
export class McpField {
  readonly subjects = new Map<McpSubjectName, McpSubject>();
  readonly #running: { stop(): unknown }[] = [];

  static async start(): Promise<McpField> {
    const field = new McpField();
    const server = field.#keep(await listening('mcp-backend.js', 'main'));
    const bare = field.#keep(await listening('bare-proxy.js', server.origin, upstreamToken));
    const issuer = field.#keep(await SigningIssuer.start('ES256'));
    const gateway = field.#keep(
      await MeasuredGateway.start(
        [issuer.config],
        [
          personalUpstream('open', 'mcp', server.origin, { access, limits }),
          personalUpstream('ruled', 'mcp', server.origin, { access, limits, tools }),
        ],
      ),
    );
    const tokens = Array.from({ length: people }, (_, i) =>
      issuer.token(`person-${i}`, gateway.origin),
    );
    const enter = async (
      name: McpSubjectName,
      text: string,
      at: typeof server | typeof gateway,
    ) => {
      const path = name === 'open' || name === 'ruled' ? `/mcp/${name}` : '/';
      const calls = await callsOf(`${at.origin}${path}`, tokens);
      field.subjects.set(name, { name: text, pid: at.pid, calls });
    };
    await enter('direct', 'the MCP server itself', server);
    await enter('bare', 'bare node:http + undici', bare);
    await enter('open', 'Symbolon /mcp/{upstream}', gateway);
    await enter('ruled', 'Symbolon /mcp/{upstream}, 51 rules', gateway);
    return field;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((each) => each.stop()));
  }

  #keep<Started extends { stop(): unknown }>(started: Started): Started {
    this.#running.push(started);
    return started;
  }
}

async function callsOf(url: string, tokens: readonly string[]): Promise<McpSubject['calls']> {
  const legacy: Asked[] = [];
  for (const token of tokens)
    legacy.push(toolCall({ url, token, tool, session: await openSession(url, token) }));
  return { legacy, modern: tokens.map((token) => toolCall({ url, token, tool })) };
}
