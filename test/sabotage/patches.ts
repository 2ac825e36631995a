import { broughtPatches } from './brought-patches.js';
import { browserPatches } from './browser-patches.js';
import { changedToolPatches } from './changed-tool-patches.js';
import { credentialPatches } from './credential-patches.js';
import { gatewayPatches } from './gateway-patches.js';
import type { Patch } from './patch.js';
import { policyPatches } from './policy-patches.js';
import { promisePatches } from './promise-patches.js';
import { signInPatches } from './sign-in-patches.js';
import { vaultPatches } from './vault-patches.js';

/** Each is applied alone. */
export const patches: readonly Patch[] = [
  ...browserPatches,
  ...broughtPatches,
  ...vaultPatches,
  ...gatewayPatches,
  ...changedToolPatches,
  ...policyPatches,
  ...credentialPatches,
  ...promisePatches,
  ...signInPatches,
];
