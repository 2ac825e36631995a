import { type Command, InvalidArgumentError } from 'commander';
import type { CommandContext } from '../command.js';
import { startPretendVault } from '../pretend-vault/start-pretend-vault.js';

interface Options {
  readonly port: number;
  readonly connected?: true;
  readonly expiresIn: number;
  readonly upstream: readonly string[];
}

const explanation = `
For tests of programs that use the exchange. The form of everything is checked, no signature is, and tokens open
nothing: never use it for anything else.

  POST /oauth2/token            as the vault's; the first call of a person answers interaction_required
  GET  /interactions/{id}       how one stands
  /connect/{link}               a page with Allow and Not now; POST decision=allow does it without a browser
  POST /fake/fail               {"status": "503", "error": "temporarily_unavailable"}: until POST /fake/recover
  POST /fake/revoke             {"subject": "alice", "upstream": "crm"}`;

/** `symbolon fake-vault`: the exchange for other people's tests. */
export function addPretendVault(program: Command, { print }: CommandContext): void {
  program
    .command('fake-vault')
    .description('serve an exchange that knows no secrets, for tests of programs that use one')
    .option('--port <n>', 'on 127.0.0.1', wholeNumber, 4_180)
    .option('--connected', 'everybody has agreed to everything')
    .option('--expires-in <seconds>', 'that a token is said to live', wholeNumber, 3_600)
    .option('--upstream <slug>', 'the only ones that are known, repeatable', collected, [])
    .addHelpText('after', explanation)
    .action(async ({ port, connected, expiresIn, upstream: upstreams }: Options) => {
      const everybodyConnected = connected === true;
      const vault = await startPretendVault({ port, everybodyConnected, expiresIn, upstreams });
      print(`A fake vault listens on ${vault.url}.`);
      await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
      await vault.stop();
    });
}

function collected(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function wholeNumber(value: string): number {
  const parsed = Number(value);
  if (Number.isInteger(parsed) && parsed >= 0) return parsed;
  throw new InvalidArgumentError('Give a whole number.');
}
