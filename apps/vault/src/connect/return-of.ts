import type { InteractionView } from '../interactions/interactions.js';

/** Where the person goes on once they have answered: the service's own page, told which request ended and how. */
export function returnOf({ id, status, returnUri }: InteractionView): URL | undefined {
  if (returnUri === undefined || (status !== 'completed' && status !== 'declined'))
    return undefined;
  const url = new URL(returnUri);
  url.searchParams.set('interaction_id', id);
  url.searchParams.set('status', status);
  return url;
}
