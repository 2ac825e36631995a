import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type EndedSince, endedSince } from '#lib/audit-chain/ended-since';
import { exportedLines } from '#lib/audit-chain/exported-line';
import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import type { AdminClient } from '../admin-client.js';
import type { AddCommand, CommandContext } from '../command.js';

const provider = z.object({
  oauthClient: z.string().nullable(),
  state: z.string(),
  waiting: z.number(),
  wanted: z.number(),
  alive: z.number(),
  dead: z.number(),
  gone: z.number(),
  failures: z.number(),
  secondsLeft: z.number().nullable(),
  hint: z.string().nullable(),
});
const recovery = z.object({
  id: z.string(),
  state: z.string(),
  hint: z.string().nullable(),
  backupTime: z.string().nullable(),
  providers: z.array(provider),
});
type Recovery = z.output<typeof recovery>;
type Counts = Record<string, Record<string, number>>;

const counts = z.record(z.string(), z.record(z.string(), z.number()));
const atOnce = 500;

/** `symbolon recover start|status|stop|continue|replay`. */
export const addRecover: AddCommand = (program, context) => {
  const recover = program
    .command('recover')
    .description('after a restored backup: find out slowly which refresh tokens still live');
  addStart(recover, context);
  recover
    .command('status')
    .description('how far the newest recovery is, and what it waits for')
    .option('--json', 'as the admin API answers')
    .action(async ({ json }: { json?: boolean }) => {
      const newest = await newestOf(context.client());
      if (json) context.print(JSON.stringify(newest ?? null, null, 2));
      else print(context, newest);
    });
  recover
    .command('stop')
    .description('test nothing more; what was not tested stays held')
    .option('--release', 'give up the tests: refresh everything as before, whatever providers do')
    .action(({ release = false }: { release?: boolean }) => change(context, 'stop', { release }));
  recover
    .command('continue')
    .description('go on after a stop, and with providers whose tokens were mostly dead')
    .option('--oauth-client <slug>', 'only this one')
    .action(({ oauthClient }: { oauthClient?: string }) =>
      change(context, 'continue', { oauthClient }),
    );
  addReplay(recover, context);
};

function addStart(recover: Command, { client, print: say }: CommandContext): void {
  recover
    .command('start')
    .description('hold what came with the backup, and test it')
    .option('--backup-time <time>', 'RFC 3339: when the backup was made', timeOf)
    .option('--rate <n>', 'tests a minute at each provider', Number, 30)
    .option('--breaker <share>', 'stop a provider when more of the tokens are dead', Number, 0.5)
    .option('--oauth-client <slug>', 'test only what was granted there; set the rest free')
    .action(async ({ backupTime, rate, breaker, oauthClient }: StartOptions) => {
      const body = { backupTime, ratePerMinute: rate, breakerShare: breaker, oauthClient };
      const begun = recovery.parse(await client().json('POST', '/recoveries', body));
      say(`Begun: ${begun.id}. It goes on in the vault; \`symbolon recover status\` says how far.`);
    });
}

interface StartOptions {
  readonly backupTime?: string;
  readonly rate: number;
  readonly breaker: number;
  readonly oauthClient?: string;
}

function addReplay(recover: Command, { client, print: say }: CommandContext): void {
  recover
    .command('replay')
    .description(
      'end again what an audit export says was revoked, removed or left since the backup',
    )
    .requiredOption(
      '--audit <path>',
      'NDJSON of `symbolon audit export`, kept outside the database',
    )
    .option(
      '--since <time>',
      'RFC 3339: the time of the backup; earlier events are left out',
      timeOf,
    )
    .option('--dry-run', 'only say what the export tells')
    .action(
      async ({ audit, since, dryRun }: { audit: string; since?: string; dryRun?: boolean }) => {
        const lines = createInterface({ input: createReadStream(audit), crlfDelay: Infinity });
        const ended = await endedSince(exportedLines(lines), since);
        for (const line of foretold(ended)) say(line);
        if (dryRun !== true) for (const line of await replay(client(), ended)) say(line);
      },
    );
}

function foretold({ grants, consents, people, registry }: EndedSince): string[] {
  return [
    `In the export: ${grants.length} grants revoked, ${consents.length} consents removed, ${people.length} people left.`,
    ...(registry.length === 0
      ? []
      : [`Changed in the registry, to be looked at by hand: ${registry.join(', ')}`]),
  ];
}

async function replay(admin: AdminClient, ended: EndedSince): Promise<string[]> {
  // Whoever left is barred first: nothing can be granted again meanwhile.
  for (const { issuer, subject } of ended.people)
    await admin.json('POST', '/leavers', {
      ...{ issuer, subject, reason: 'They had left when a backup was restored.' },
    });
  const total: Counts = {};
  for (const part of batches(ended)) {
    const answer = counts.parse(await admin.json('POST', '/recoveries/replay', part));
    for (const [what, found] of Object.entries(answer))
      for (const [came, n] of Object.entries(found))
        (total[what] ??= {})[came] = (total[what]?.[came] ?? 0) + n;
  }
  return [
    `People: ${ended.people.length} ended again`,
    ...Object.entries(total).map(
      ([what, found]) =>
        `${what}: ${Object.entries(found)
          .map(([came, n]) => `${n} ${came}`)
          .join(', ')}`,
    ),
  ];
}

function* batches({ grants, consents }: EndedSince) {
  for (let at = 0; at < grants.length; at += atOnce)
    yield { grants: grants.slice(at, at + atOnce), consents: [] };
  for (let at = 0; at < consents.length; at += atOnce)
    yield { grants: [], consents: consents.slice(at, at + atOnce) };
}

async function newestOf(admin: AdminClient): Promise<Recovery | undefined> {
  const list = z.object({ items: z.array(recovery) });
  return list.parse(await admin.json('GET', '/recoveries')).items[0];
}

async function change(context: CommandContext, what: string, body: object): Promise<void> {
  const admin = context.client();
  const newest = await newestOf(admin);
  if (newest === undefined) throw new Error('There is no recovery.');
  print(
    context,
    recovery.parse(await admin.json('POST', `/recoveries/${newest.id}/${what}`, body)),
  );
}

function print({ print: say }: CommandContext, newest: Recovery | undefined): void {
  if (newest === undefined) return say('No recovery yet.');
  const of = newest.backupTime === null ? '' : `, backup of ${newest.backupTime}`;
  say(`Recovery ${newest.id}: ${newest.state}${of}`);
  if (newest.hint !== null) say(`  ${newest.hint}`);
  for (const one of newest.providers) {
    const left = one.secondsLeft === null ? '' : `, about ${Math.ceil(one.secondsLeft / 60)} min`;
    say(
      `  ${one.oauthClient}: ${one.state}, ${one.alive} alive, ${one.dead} dead, ${one.gone} gone, ${one.waiting} waiting (${one.wanted} wanted)${left}, ${one.failures} failures`,
    );
    if (one.hint !== null) say(`    ${one.hint}`);
  }
}

function timeOf(value: string): string {
  if (z.iso.datetime({ offset: true }).safeParse(value).success) return value;
  throw new InvalidArgumentError('Give it as RFC 3339, such as 2026-11-21T08:00:00Z.');
}
