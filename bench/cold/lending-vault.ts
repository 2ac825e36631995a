import { createHash, createPublicKey } from 'node:crypto';
import type { ConfigSnapshot } from '#lib/contract/config-snapshot';
import { FakeVault } from '#lib/testing/fake-vault';
import { lentTokenBytes } from '../harness/upstream-token.js';

/** What the process is told before it tells its URL. */
export interface LendingVaultSettings {
  readonly gatewayId: string;
  /** The public half. */
  readonly gatewayKey: Record<string, string>;
  readonly snapshot: Omit<ConfigSnapshot, 'version'>;
}

// A vault that lends everybody a token of their own, over HTTP and by the contract. The least that a vault can cost.
async function start({ gatewayId, gatewayKey, snapshot }: LendingVaultSettings): Promise<void> {
  const key = createPublicKey({ key: gatewayKey, format: 'jwk' });
  const vault = await FakeVault.start({ gatewayId, gatewayKey: key, snapshot });
  vault.answer = (form) => {
    // A hundred thousand of them would fill the memory of this process.
    vault.exchanges.length = 0;
    const person = createHash('sha512').update(form.get('subject_token') ?? '');
    const name = person.digest('hex');
    return {
      body: {
        access_token: name.repeat(lentTokenBytes / name.length),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        ...{ token_type: 'Bearer', expires_in: 3600, grant_version: 1 },
        grant_id: `${name.slice(0, 8)}-${name.slice(8, 12)}-4${name.slice(13, 16)}-8${name.slice(17, 20)}-${name.slice(20, 32)}`,
      },
    };
  };
  process.send?.(vault.url);
}

if (process.send !== undefined) {
  process.once('message', (settings: LendingVaultSettings) => void start(settings));
  process.once('disconnect', () => process.exit());
}
