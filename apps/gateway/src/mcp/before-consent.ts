import { connectToolOf, isConnectTool } from './connect-tool.js';
import { modernVersion, metaKey } from './era.js';
import { filteredList } from './listing.js';
import { sharerOf, type McpCall, type McpDeps } from './mcp-call.js';
import type { JsonObject, McpRequest } from './message.js';
import type { RelayOptions } from './relay.js';
import { resultOf, type RememberedLists } from './remembered-lists.js';
import { result, rpcError, writeAnswer, type RpcAnswer } from './rpc-answer.js';
import { ServiceProfiles } from './service-profiles.js';
import type { Subscriptions } from './subscriptions.js';
import { takesCredential } from './borrow.js';

/** Lists and handshakes: what a client asks before a person has done anything. Empty answers by method. */
const emptyLists: Readonly<Record<string, JsonObject>> = {
  'prompts/list': { prompts: [] },
  'resources/list': { resources: [] },
  'resources/templates/list': { resourceTemplates: [] },
};
const remembered = new Set([
  'initialize',
  'server/discover',
  'tools/list',
  ...Object.keys(emptyLists),
]);
const onlyLegacy = new Set(['initialize', 'ping', 'logging/setLevel']);
const onlyModern = new Set(['server/discover', 'subscriptions/listen']);
const served = new Set([...remembered, ...onlyLegacy, ...onlyModern]);

/**
 * What needs no grant: answered by what the upstream shows to the credential for lists, else from this person's own last
 * answers, else from a profile with the one tool `connect_<slug>`. Never from another person's list.
 */
export class BeforeConsent {
  readonly #profiles: ServiceProfiles;

  constructor(
    private readonly deps: McpDeps,
    private readonly lists: RememberedLists,
    private readonly subscriptions: Subscriptions,
  ) {
    this.#profiles = new ServiceProfiles(deps);
  }

  serves(method: string): boolean {
    return served.has(method);
  }

  async serveModern(call: McpCall, message: McpRequest): Promise<void> {
    if (message.method === 'subscriptions/listen') return this.subscriptions.serve(call, message);
    if (onlyLegacy.has(message.method))
      return writeAnswer(call.response, { ...unknown(message), status: 404 });
    const value = await this.#resultFor(call, 'modern', message);
    const fresh = { ttlMs: 0, cacheScope: 'private' };
    writeAnswer(call.response, result(message.id, { resultType: 'complete', ...value, ...fresh }));
  }

  async legacyAnswer(call: McpCall, message: McpRequest): Promise<RpcAnswer> {
    if (onlyModern.has(message.method)) return unknown(message);
    return result(message.id, await this.#resultFor(call, 'legacy', message));
  }

  /** Whether `connect_<slug>` is called, with a credential at hand. */
  connects(call: McpCall, { method, params }: McpRequest): boolean {
    return method === 'tools/call' && isConnectTool(call, params['name']);
  }

  /** Remembers a first page on its way to the person it belongs to. */
  keeping(
    call: McpCall,
    era: 'modern' | 'legacy',
    message: McpRequest,
  ): Pick<RelayOptions, 'keep'> {
    if (!remembered.has(message.method) || message.params['cursor'] !== undefined) return {};
    return {
      keep: (contentType, text) =>
        this.remember(call, era, message, resultOf(contentType, text, message.id)),
    };
  }

  remember(
    call: McpCall,
    era: 'modern' | 'legacy',
    message: McpRequest,
    value: JsonObject | undefined,
  ): void {
    // What a guest was shown is nobody's own.
    if (value === undefined || !takesCredential(call) || call.lacking !== undefined) return;
    this.lists.put(sharerOf(call), era, message.method, value);
  }

  /** What the upstream shows of itself: to the credential for lists, to this person last, to the public credential. */
  async profile(
    call: McpCall,
    era: 'modern' | 'legacy',
    method: string,
    cursor?: unknown,
  ): Promise<JsonObject | undefined> {
    if (!remembered.has(method)) return undefined;
    const asked = { method, cursor: typeof cursor === 'string' ? cursor : undefined };
    return (
      (await this.#profiles.resultFor(call, era, { ...asked, purpose: 'discovery' })) ??
      this.#own(call, era, method) ??
      (await this.#profiles.resultFor(call, era, { ...asked, purpose: 'public' }))
    );
  }

  /** What this person was answered last by the upstream itself. */
  #own(call: McpCall, era: 'modern' | 'legacy', method: string): JsonObject | undefined {
    if (call.lacking !== undefined) return undefined;
    return this.lists.get(sharerOf(call), era, method);
  }

  async #resultFor(
    call: McpCall,
    era: 'modern' | 'legacy',
    { method, params }: McpRequest,
  ): Promise<JsonObject> {
    const shown = await this.profile(call, era, method, params['cursor']);
    if (shown !== undefined)
      return method === 'tools/list' ? filteredList(this.deps, call, shown) : shown;
    if (method === 'tools/list') return { tools: [connectToolOf(call)] };
    if (method === 'server/discover') return discoverResult(call);
    return emptyLists[method] ?? {};
  }
}

export const profileCapabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true },
} as const;

export function serverInfoOf(call: McpCall): JsonObject {
  return { name: call.upstream.config.slug, title: call.upstream.config.name, version: '0' };
}

function unknown(message: McpRequest): RpcAnswer {
  return rpcError(message.id, -32601, 'Method not found.');
}

function discoverResult(call: McpCall): JsonObject {
  return {
    supportedVersions: [modernVersion],
    capabilities: profileCapabilities,
    _meta: { [metaKey.serverInfo]: serverInfoOf(call) },
  };
}
