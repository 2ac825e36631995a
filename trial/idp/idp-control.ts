import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, sendJson } from '#lib/testing/local-server';
import { mayControl } from '#lib/testing/trial-control';
import { isServiceMode } from '../service-mode.js';
import type { ServiceMode } from '../service-mode.js';
import type { FileStore } from './file-store.js';
import type { IssuedLog } from './issued-log.js';

export interface IdpState {
  mode: ServiceMode;
  readonly log: IssuedLog;
  readonly store: FileStore;
  readonly controlToken: string;
}

/**
 * `GET /trial/state` counters · `GET /trial/issued` every secret issued since the start · `POST /trial/mode`
 * {mode} · `POST /trial/forget-grants` what a person does who withdraws everything in the provider's settings.
 */
export async function serveIdpControl(
  state: IdpState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!mayControl(request, state.controlToken)) return sendJson(response, 403, {});
  const { log } = state;
  switch (`${request.method} ${request.url}`) {
    case 'GET /trial/state': {
      const { succeeded, refused } = log;
      const issued = log.values.map(({ value: _secret, ...rest }) => rest);
      return sendJson(response, 200, { mode: state.mode, succeeded, refused, issued });
    }
    case 'GET /trial/issued':
      return sendJson(response, 200, log.values);
    case 'POST /trial/mode': {
      const { mode } = JSON.parse(await readBody(request)) as { mode: unknown };
      if (!isServiceMode(mode)) return sendJson(response, 422, { error: 'unknown mode' });
      state.mode = mode;
      return sendJson(response, 200, { mode });
    }
    case 'POST /trial/forget-grants': {
      const tokens = ['Grant:', 'RefreshToken:', 'AccessToken:', 'AuthorizationCode:'];
      await state.store.delete(...tokens.flatMap((prefix) => [...state.store.keys(prefix)]));
      return sendJson(response, 200, {});
    }
    default:
      return sendJson(response, 404, {});
  }
}
