import { lentTokenBytes } from '../cold/lending-vault.js';

/** What comparators swap a caller's token for: as long as what the vault of the bench lends. */
export const upstreamToken = 'x'.repeat(lentTokenBytes);
