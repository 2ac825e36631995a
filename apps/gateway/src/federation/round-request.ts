import { isObject, type JsonObject } from '../mcp/message.js';
import { askingAt, type Catalogues } from './catalogues.js';
import { paramHeaders, sentParamHeaders } from './param-headers.js';
import type { PeerRequest } from './peer.js';
import { requestIds } from './request-ids.js';
import { wishOf, type Routed } from './routed.js';

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
    params: withProgressToken({ ...routed.params, ...round }, progressTokenOf(routed), id),
    wish: wishOf(routed),
    headers: headersOf(catalogues, routed),
  };
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
