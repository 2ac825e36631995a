import { Command } from 'commander';
import { expect, it } from 'vitest';
import { Secret } from '#lib/secret/secret';
import { startLocalServer } from '#lib/testing/local-server';
import { adminClient } from '../admin-client.js';
import { addDrill } from './drill.js';

it('does nothing to anything that is not said to be a staging', async () => {
  const asked: string[] = [];
  const server = await startLocalServer((request, response) => {
    asked.push(request.url ?? '');
    response.end();
  });
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  const config = { vaultUrl: server.origin, adminToken: new Secret('t0k3n') };
  const client = () => adminClient(config);
  addDrill(program, { client, print: () => undefined, config: () => config });
  const refused = program.parseAsync(['drill', '--outage', '1'], { from: 'user' });
  await expect(refused).rejects.toThrow('--i-know-this-is-staging');
  expect(asked).toEqual([]);
  await server.stop();
});
