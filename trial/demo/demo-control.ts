import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, sendJson } from '#lib/testing/local-server';
import { mayControl } from '#lib/testing/trial-control';
import type { Recorder } from '../recorder.js';
import { isServiceMode } from '../service-mode.js';
import type { ServiceMode } from '../service-mode.js';
import type { TokenRule } from './token-rule.js';

export interface DemoState {
  mode: ServiceMode;
  readonly recorder: Recorder;
  readonly rule: TokenRule;
  readonly controlToken: string;
}

/**
 * `GET /trial/received` · `POST /trial/expire` every token accepted so far is refused from now on ·
 * `POST /trial/mode` {mode} · `POST /trial/refuse` {all: boolean} 401 whatever the token.
 */
export async function serveDemoControl(
  state: DemoState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!mayControl(request, state.controlToken)) return sendJson(response, 403, {});
  switch (`${request.method} ${request.url}`) {
    case 'GET /trial/received':
      return sendJson(response, 200, state.recorder.requests);
    case 'POST /trial/expire':
      return sendJson(response, 200, { expired: state.rule.expireAccepted() });
    case 'POST /trial/refuse': {
      const { all } = JSON.parse(await readBody(request)) as { all: unknown };
      state.rule.refuseAll = all === true;
      return sendJson(response, 200, { all: state.rule.refuseAll });
    }
    case 'POST /trial/mode': {
      const { mode } = JSON.parse(await readBody(request)) as { mode: unknown };
      if (!isServiceMode(mode)) return sendJson(response, 422, { error: 'unknown mode' });
      state.mode = mode;
      return sendJson(response, 200, { mode });
    }
    default:
      return sendJson(response, 404, {});
  }
}
