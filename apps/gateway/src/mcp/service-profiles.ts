import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { ServicePurpose } from '#lib/contract/exchange';
import type { BorrowedCredential } from '../credentials/credentials.js';
import { lendsPublicly } from '../policy/tool-gate.js';
import { metaKey, modernVersion, newestLegacyVersion } from './era.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { isObject, type JsonObject } from './message.js';
import { isMcpAnswer } from './relay.js';
import { resultOf } from './remembered-lists.js';
import { callUpstream, discard, readWhole, type UpstreamAnswer } from './upstream-call.js';
import { sessionIdOf } from './upstream-sessions.js';

type Era = 'modern' | 'legacy';

interface Known {
  readonly untilMs: number;
  readonly value: Promise<JsonObject | undefined>;
}

const freshMs = 5 * 60_000;
const retryMs = 10_000;
const longest = 4 * 1024 * 1024;
const ofTools = new Set(['initialize', 'server/discover', 'tools/list']);
const self = { name: 'symbolon', version: '0' };

/**
 * What an upstream shows to a credential that is nobody's, for people who have not consented yet. Asked for in the
 * gateway's own words, because everybody is shown the same; kept for five minutes, or until the configuration changes.
 */
export class ServiceProfiles {
  readonly #known = new WeakMap<UpstreamConfig, Map<string, Known>>();

  constructor(private readonly deps: McpDeps) {}

  /** The result of one list or handshake; undefined where there is no such credential, or no answer to it. */
  async resultFor(call: McpCall, era: Era, asked: Asked): Promise<JsonObject | undefined> {
    const { config } = call.upstream;
    const { method, purpose, cursor } = asked;
    if (!isLent(config, asked) || call.lacking !== undefined) return undefined;
    if (cursor !== undefined) return this.#ask(call, era, asked);
    const known = this.#known.get(config) ?? new Map<string, Known>();
    this.#known.set(config, known);
    const key = `${purpose} ${era} ${method}`;
    const now = this.deps.clock.monotonicMs();
    const found = known.get(key);
    if (found !== undefined && now < found.untilMs) return found.value;
    const value = this.#ask(call, era, asked);
    known.set(key, { untilMs: now + freshMs, value });
    // A server that is away is not asked for every list meanwhile.
    if ((await value) === undefined) known.set(key, { untilMs: now + retryMs, value });
    return value;
  }

  async #ask(call: McpCall, era: Era, asked: Asked): Promise<JsonObject | undefined> {
    const { config } = call.upstream;
    const credential = await this.deps.credentials.borrowService(config, asked.purpose);
    if (credential.kind !== 'credential') return undefined;
    const server = new ServiceCall(this.deps, call, credential);
    const value = await (era === 'modern' ? server.modern(asked) : server.legacy(asked));
    const tools = asked.method === 'tools/list' ? value?.['tools'] : undefined;
    if (Array.isArray(tools)) await this.deps.inventory?.seen(config, tools.filter(isNamed));
    return value;
  }
}

export interface Asked {
  readonly method: string;
  /** The credential for lists, or the one for public tools, which shows tools and nothing else. */
  readonly purpose: Extract<ServicePurpose, 'discovery' | 'public'>;
  readonly cursor?: string | undefined;
}

/** One question to a server on nobody's behalf. */
class ServiceCall {
  readonly #call: McpCall;
  readonly #signal: AbortSignal;

  constructor(
    private readonly deps: McpDeps,
    call: McpCall,
    private readonly credential: BorrowedCredential,
  ) {
    // Nobody is asked for anything where the server refuses this credential.
    const terms = { isPublic: true, scopes: [] };
    this.#call = { ...call, gone: call.gone, terms, lentPublicly: true };
    this.#signal = AbortSignal.timeout(call.upstream.config.timeoutMs);
  }

  async modern({ method, cursor }: Asked): Promise<JsonObject | undefined> {
    const _meta = {
      [metaKey.version]: modernVersion,
      [metaKey.capabilities]: {},
      [metaKey.clientInfo]: self,
    };
    const headers = { 'mcp-protocol-version': modernVersion, 'mcp-method': method };
    const answer = await this.#post({ id: 1, method, params: { ...page(cursor), _meta } }, headers);
    return answer && this.#resultOf(answer, 1);
  }

  async legacy({ method, cursor }: Asked): Promise<JsonObject | undefined> {
    const params = { protocolVersion: newestLegacyVersion, capabilities: {}, clientInfo: self };
    const opened = await this.#post({ id: 0, method: 'initialize', params }, {});
    if (opened === undefined) return undefined;
    const session = sessionIdOf(opened);
    const profile = await this.#resultOf(opened, 0);
    if (profile === undefined) return undefined;
    const headers = {
      'mcp-protocol-version': String(profile['protocolVersion']),
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
    };
    const value = method === 'initialize' ? profile : await this.#listed(method, cursor, headers);
    if (session !== undefined) await this.#leave(headers);
    return value;
  }

  async #listed(method: string, cursor: string | undefined, headers: Record<string, string>) {
    const ready = await this.#post({ method: 'notifications/initialized' }, headers);
    if (ready !== undefined) discard(ready);
    const answer = await this.#post({ id: 1, method, params: page(cursor) }, headers);
    return answer && this.#resultOf(answer, 1);
  }

  async #post(
    message: JsonObject,
    headers: Record<string, string>,
  ): Promise<UpstreamAnswer | undefined> {
    const types = { accept: 'application/json, text/event-stream' };
    return this.#send({
      method: 'POST',
      headers: { ...types, 'content-type': 'application/json', ...headers },
      body: Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message })),
    });
  }

  async #leave(headers: Record<string, string>): Promise<void> {
    const answer = await this.#send({ method: 'DELETE', headers });
    if (answer !== undefined) discard(answer);
  }

  async #send(sent: {
    readonly method: 'POST' | 'DELETE';
    readonly headers: Record<string, string>;
    readonly body?: Buffer;
  }): Promise<UpstreamAnswer | undefined> {
    const message = { ...sent, signal: this.#signal };
    const none = { interaction: 'none' } as const;
    const called = await callUpstream(this.deps, this.#call, this.credential, message, none);
    return called.kind === 'answered' ? called.answer : undefined;
  }

  async #resultOf(answer: UpstreamAnswer, id: number): Promise<JsonObject | undefined> {
    if (answer.status !== 200 || !isMcpAnswer(answer)) {
      discard(answer);
      return undefined;
    }
    const text = await readWhole(answer, longest);
    return resultOf(String(answer.headers['content-type']), text ?? '', id);
  }
}

function isLent(config: UpstreamConfig, { method, purpose }: Asked): boolean {
  if (purpose === 'public') return lendsPublicly(config) && ofTools.has(method);
  return config.discovery || config.open?.includes('discovery') === true;
}

function page(cursor: string | undefined): JsonObject {
  return cursor === undefined ? {} : { cursor };
}

function isNamed(tool: unknown): tool is JsonObject & { readonly name: string } {
  return isObject(tool) && typeof tool['name'] === 'string';
}
