import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';

// Of connections that were kept open, more than one may have been closed; then a load balancer learns of it.
const pausesMs = [0, 50, 250];

/** R6: a vault that stops is no outage where another is up. For questions that may come more than once. */
export async function askedAgain(
  ask: () => Promise<Dispatcher.ResponseData>,
): Promise<Dispatcher.ResponseData> {
  for (const pauseMs of pausesMs) {
    try {
      const response = await ask();
      if (!isClosing(response)) return response;
      await response.body.dump();
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
    }
    await sleep(pauseMs);
  }
  return ask();
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isConnectionLost(error: unknown): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(codeOf(error));
}

/** A process at its end, or a load balancer that has nobody to ask; what a vault means it says with Retry-After. */
function isClosing({ statusCode, headers }: Dispatcher.ResponseData): boolean {
  return [502, 503].includes(statusCode) && headers['retry-after'] === undefined;
}
