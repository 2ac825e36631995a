#!/usr/bin/env node
import { Command } from 'commander';
import { ConfigurationError } from '#lib/config/environment';
import { AdminRefused, adminClient } from './admin-client.js';
import type { CommandContext } from './command.js';
import { addAudit } from './commands/audit.js';
import { addDrill } from './commands/drill.js';
import { addPretendVault } from './commands/pretend-vault.js';
import { addIssuers } from './commands/issuers.js';
import { addKeys } from './commands/keys.js';
import { addLeavers } from './commands/leavers.js';
import { addPolicy } from './commands/policy.js';
import { addRecover } from './commands/recover.js';
import { addTools } from './commands/tools.js';
import { readCliConfig } from './config.js';
import { terminalText } from './terminal-text.js';

const program = new Command('symbolon')
  .description('Operate a Symbolon vault through its admin API.')
  .addHelpText(
    'after',
    '\nSYMBOLON_VAULT_URL names the vault, SYMBOLON_ADMIN_TOKEN (or …_FILE) opens its admin API.',
  );
const context: CommandContext = {
  client: () => adminClient(readCliConfig(process.env)),
  // An export into a file stays as it came, byte for byte.
  print: (line) => process.stdout.write(`${process.stdout.isTTY ? terminalText(line) : line}\n`),
};
for (const add of [addAudit, addKeys, addIssuers, addLeavers, addPolicy, addRecover, addTools])
  add(program, context);
addDrill(program, { ...context, config: () => readCliConfig(process.env) });
addPretendVault(program, context);

program.parseAsync().catch((error: unknown) => {
  const known = error instanceof ConfigurationError || error instanceof AdminRefused;
  process.stderr.write(`${terminalText(known ? error.message : reasonOf(error))}\n`);
  process.exitCode = 1;
});

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
