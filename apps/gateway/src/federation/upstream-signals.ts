import { sharerOf, type McpCall } from '../mcp/mcp-call.js';
import type { JsonObject } from '../mcp/message.js';
import type { Catalogues } from './catalogues.js';
import { personOf, type ClientProfile } from './federated-call.js';
import type { ListChanges } from './list-changes.js';
import { changesIn } from './list-kinds.js';
import { joinedElicitationId, withJoinedTask } from './outward.js';
import { taskChanged, type TaskIds } from './task-ids.js';
import { joinedUri } from './uris.js';

const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** What an upstream's notification means to the client; undefined where it is not for it. */
export class UpstreamSignals {
  constructor(
    private readonly catalogues: Catalogues,
    private readonly changes: ListChanges,
    private readonly tasks: TaskIds,
  ) {}

  outward(
    call: McpCall,
    client: ClientProfile,
    method: string,
    params: JsonObject,
  ): JsonObject | undefined {
    const changed = changesIn(method);
    if (changed !== undefined) {
      // Told on the streams that wait for it, once for all upstreams.
      this.catalogues.outdate(sharerOf(call));
      this.changes.announce(personOf(call.caller), [changed]);
      return undefined;
    }
    if (method === 'notifications/resources/updated') {
      const uri = joinedUri(call.upstream.config.slug, String(params['uri']));
      this.changes.announceUpdate(personOf(call.caller), { ...params, uri });
      return undefined;
    }
    const shown = this.#params(call, client, method, params);
    if (shown === undefined) return undefined;
    const { slug } = call.upstream.config;
    const own = this.tasks.outward(call.caller, slug, method, shown);
    return { jsonrpc: '2.0', method, params: own };
  }

  #params(
    { upstream }: McpCall,
    client: ClientProfile,
    method: string,
    params: JsonObject,
  ): JsonObject | undefined {
    const { slug } = upstream.config;
    switch (method) {
      case 'notifications/progress':
        return params;
      case 'notifications/tasks/status':
        return client.era === 'legacy' ? params : undefined;
      case taskChanged:
        return client.era === 'modern' ? withJoinedTask(slug, params) : undefined;
      case 'notifications/message':
        return wants(client, params['level']) ? params : undefined;
      case 'notifications/elicitation/complete':
        return client.era === 'modern'
          ? undefined
          : { ...params, elicitationId: joinedElicitationId(slug, params['elicitationId']) };
      default:
        return undefined;
    }
  }
}

// Revision 2026-07-28: no log messages to who did not ask; before it, until the client says less, all of them.
function wants({ era, logLevel }: ClientProfile, level: unknown): boolean {
  if (logLevel === undefined) return era === 'legacy';
  return levels.indexOf(String(level)) >= levels.indexOf(logLevel);
}
