import { AsyncLocalStorage } from 'node:async_hooks';

/** The id of the request on whose behalf a provider is asked, for the audit log; nothing in the background. */
export const askedBy = new AsyncLocalStorage<string>();
