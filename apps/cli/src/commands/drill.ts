import { type Command, InvalidArgumentError } from 'commander';
import type { CommandContext } from '../command.js';
import type { CliConfig } from '../config.js';
import { drillPrefix } from '../drill/drill-stack.js';
import { removeRegistered } from '../drill/remove-registered.js';
import { runDrill } from '../drill/run-drill.js';
import type { Interruption } from '../drill/interrupted.js';

interface Options {
  readonly iKnowThisIsStaging?: true;
  readonly vault: readonly string[];
  readonly gateway: readonly string[];
  readonly port: number;
  readonly outage: number;
  readonly races: number;
  readonly grace: number;
  readonly kill?: string;
  readonly restart?: string;
  readonly clean?: true;
}

const refusal =
  'A drill registers an issuer of its own, an upstream and people, and breaks what they need. Say --i-know-this-is-staging.';
const explanation = `
The vault must reach the drill on 127.0.0.1: run it beside a vault (or through a reverse tunnel). A vault in
production mode needs SYMBOLON_OUTBOUND_ALLOW=http://127.0.0.1:4700,http://127.0.0.1:4701,http://127.0.0.1:4702.
Gateways are called only if their machine client has "upstreams": "*".`;

/** `symbolon drill`: the reliability contract, put to the test at a staging of one's own. */
export function addDrill(
  program: Command,
  context: CommandContext & { readonly config: () => CliConfig },
): void {
  program
    .command('drill')
    .description(
      'break what a staging needs, and see which promises hold; exit code 1 if one does not',
    )
    .argument('[promises...]', 'R1 R2 R3 …; all that can be shown unless some are named')
    .option('--i-know-this-is-staging', 'without this nothing is done')
    .option('--vault <url>', 'of a replica, repeatable; default SYMBOLON_VAULT_URL', collected, [])
    .option('--gateway <url>', 'calls go through it too, repeatable', collected, [])
    .option('--port <n>', 'first of three that the drill listens on', wholeNumber, 4_700)
    .option('--outage <seconds>', 'for which its provider is away', wholeNumber, 30)
    .option('--races <n>', 'of revocation and refresh', wholeNumber, 40)
    .option(
      '--grace <seconds>',
      'for which its provider takes a used refresh token; a replica alone needs more than its start takes',
      wholeNumber,
      2,
    )
    .option('--kill <command>', 'shell command that kills something: a vault, Postgres')
    .option('--restart <command>', 'shell command that restarts a replica in an orderly way')
    .option('--clean', 'only remove what an earlier drill left')
    .addHelpText('after', explanation)
    .action(async (promises: readonly string[], options: Options) => {
      if (!options.iKnowThisIsStaging) throw new Error(refusal);
      const config = context.config();
      const vaults = options.vault.length > 0 ? options.vault : [config.vaultUrl];
      const target = {
        ...options,
        vaults,
        gateways: options.gateway,
        adminToken: config.adminToken,
      };
      if (options.clean) {
        const admin = adminOf(vaults[0] ?? '', config.adminToken.reveal());
        const left = await removeRegistered(admin, drillPrefix);
        context.print(left.length === 0 ? 'Nothing is left.' : `Left: ${left.join(', ')}`);
        return;
      }
      const kept = await runDrill({
        ...options,
        target,
        promises,
        interruptions: interruptionsOf(options),
        say: context.print,
      });
      if (!kept) process.exitCode = 1;
    });
}

function adminOf(vault: string, token: string) {
  const headers = { authorization: `Bearer ${token}` };
  return (method: string, path: string) =>
    fetch(`${vault}/admin/v1/${path}`, { method, headers, redirect: 'error' });
}

function interruptionsOf({ kill, restart }: Options): Interruption[] {
  return [
    ...(kill === undefined ? [] : [{ kind: 'kill', command: kill } as const]),
    ...(restart === undefined ? [] : [{ kind: 'restart', command: restart } as const]),
  ];
}

function collected(value: string, before: readonly string[]): readonly string[] {
  if (!URL.canParse(value)) throw new InvalidArgumentError('Give a URL.');
  return [...before, new URL(value).origin];
}

function wholeNumber(value: string): number {
  if (!/^\d{1,5}$/.test(value)) throw new InvalidArgumentError('Give a whole number.');
  return Number(value);
}
