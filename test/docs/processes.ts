import { cliSettings } from '../../apps/cli/src/config.js';
import { gatewaySettings } from '../../apps/gateway/src/config.js';
import { vaultSettings } from '../../apps/vault/src/config.js';
import type { ProcessSettings } from './settings-table.js';

/** The processes that docs/configuration.md describes. */
export const processes: readonly ProcessSettings[] = [
  { title: 'Vault', command: 'npm run start:vault', schema: vaultSettings },
  { title: 'Gateway', command: 'npm run start:gateway', schema: gatewaySettings },
  { title: 'The symbolon command', command: 'npm run symbolon -- --help', schema: cliSettings },
];
