import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JWK } from 'jose';
import { Agent } from 'undici';
import { SynchronisedClock } from '#lib/clock/clock';
import { ClientAssertions } from '#lib/contract/client-assertion';
import { VaultClient } from '#lib/contract/vault-client';
import type { TrialStack } from './trial-stack.js';

/** The trial's gateway, talking to one replica of its vault; the caller closes it. */
export async function gatewayClient(
  trial: TrialStack,
  url: string,
  connections = 8,
): Promise<VaultClient> {
  const file = join(trial.stateDir, 'secrets', 'gateway-key.json');
  const key = JSON.parse(await readFile(file, 'utf8')) as JWK;
  const { alg: algorithm = '', kid: keyId = '' } = key;
  const clock = new SynchronisedClock();
  const assertions = new ClientAssertions({
    clientId: 'trial-gateway',
    ...{ key, algorithm, keyId, clock },
  });
  return new VaultClient({ url, assertions, dispatcher: new Agent({ connections }) });
}
