import type { ServerResponse } from 'node:http';
import { sendJson } from '#lib/testing/local-server';

/** How a service of the trial behaves; everything but `up` is a fault that the tour or a test asked for. */
export type ServiceMode = 'up' | 'unavailable' | 'drop' | 'hang';

const modes: readonly ServiceMode[] = ['up', 'unavailable', 'drop', 'hang'];

export function isServiceMode(value: unknown): value is ServiceMode {
  return modes.some((mode) => mode === value);
}

/** Answers as the mode says; false: the service is up and shall answer itself. */
export function answerByMode(mode: ServiceMode, response: ServerResponse): boolean {
  if (mode === 'unavailable') sendJson(response, 503, { error: 'temporarily_unavailable' });
  if (mode === 'drop') response.socket?.resetAndDestroy();
  return mode !== 'up';
}
