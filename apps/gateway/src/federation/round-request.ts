import { isNobody } from '../mcp/guest.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import { askingAt, type Catalogues } from './catalogues.js';
import { paramHeaders, sentParamHeaders } from './param-headers.js';
import type { PeerRequest } from './peer.js';
import { requestIds } from './request-ids.js';
import type { RoundParts } from './round-parts.js';
import { wishOf, type Routed } from './routed.js';
import { knowsTasks } from './task-ids.js';

export type RoundRequest = Pick<PeerRequest, 'id' | 'method' | 'params' | 'wish' | 'headers'>;

/** What the upstream is sent in this round, under an id and a progress token of our own. */
export function roundRequest(
  catalogues: Catalogues,
  routed: Routed,
  round: JsonObject,
): RoundRequest {
  const id = requestIds.next();
  return {
    id,
    method: routed.asked.method,
    params: {
      ...withProgressToken({ ...routed.params, ...round }, progressTokenOf(routed), id),
      ...(beginsTask(catalogues, routed) ? { task: {} } : {}),
    },
    wish: wishOf(routed),
    headers: headersOf(catalogues, routed),
  };
}

/** How a legacy server takes its tools is known by its list: where that is not at hand, it comes first. */
export function listedFirst(
  { catalogues, peers }: Pick<RoundParts, 'catalogues' | 'peers'>,
  routed: Routed,
): Promise<unknown> | undefined {
  const { call, target, at } = routed;
  if (!mayBeginTask(routed) || peers.knownEra(at) === 'modern') return undefined;
  const asking = askingAt(call, target.visible);
  // What is listed for a token that the caller brought is kept nowhere.
  if (asking.call.brought !== undefined) return undefined;
  if (catalogues.remembered(asking, 'tools/list') !== undefined) return undefined;
  return Promise.resolve(catalogues.list(asking, 'tools/list'));
}

/** Whether the client would take a task where its legacy server takes the tool as nothing else. */
function mayBeginTask({ call: { client, caller }, target, at }: Routed): boolean {
  if (client.era !== 'modern' || target.tool === undefined) return false;
  // A hidden tool is called as one that is not there.
  return knowsTasks(client) && !isNobody(caller) && at.terms?.decoy === undefined;
}

function beginsTask(catalogues: Catalogues, routed: Routed): boolean {
  if (!mayBeginTask(routed)) return false;
  const { call, target } = routed;
  const listed = catalogues.remembered(askingAt(call, target.visible), 'tools/list');
  return listed?.taskOnly.has(target.tool) ?? false;
}

/** The client's own. */
export function progressTokenOf({ asked }: Routed): unknown {
  const meta = asked.params['_meta'];
  return isObject(meta) ? meta['progressToken'] : undefined;
}

function withProgressToken(params: JsonObject, asked: unknown, token: string): JsonObject {
  const meta = isObject(params['_meta']) ? params['_meta'] : undefined;
  if (meta === undefined) return params;
  const { progressToken, ...others } = meta;
  return { ...params, _meta: asked === undefined ? others : { ...others, progressToken: token } };
}

/** `Mcp-Param-*`, which a modern upstream compares with the body: the client's own, or made for one that knows none. */
function headersOf(
  catalogues: Catalogues,
  { call, target, params, at }: Routed,
): Record<string, string> {
  if (call.client.era === 'modern') return sentParamHeaders(call);
  if (target.tool === undefined || at.terms?.decoy !== undefined) return {};
  const listed = catalogues.remembered(askingAt(call, target.visible), 'tools/list')?.entries ?? [];
  const tool = listed.find(({ name }) => name === target.tool);
  return paramHeaders(tool?.['inputSchema'], params['arguments']);
}
