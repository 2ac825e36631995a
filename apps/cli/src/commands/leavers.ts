import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import type { AdminClient } from '../admin-client.js';
import type { AddCommand, CommandContext } from '../command.js';
import {
  type LeaverEntry,
  leaverEntry,
  leaverSummary,
  receiptLines,
  summaryLine,
} from '../leaver-receipt.js';
import { addVerifyReceipt } from './verify-receipt.js';

interface Shown {
  readonly json?: boolean;
}

interface Ordered extends Shown {
  readonly issuer: string;
  readonly subject: string;
  readonly reason?: string;
  readonly wait?: boolean;
}

interface Listed extends Shown {
  readonly issuer?: string;
  readonly subject?: string;
  readonly status?: string;
  readonly barred?: boolean;
}

const pollMs = 1_000;
const page = z.object({ items: z.array(leaverSummary), nextCursor: z.string().nullable() });

/** `symbolon leavers end|show|list|lift|verify`. */
export const addLeavers: AddCommand = (program, context) => {
  const leavers = program.command('leavers').description('people who leave, and their receipts');
  leavers
    .command('end')
    .description('end everything of a person, and bar them until that is lifted; again is safe')
    .requiredOption('--issuer <slug>', 'whose tokens call them so')
    .requiredOption('--subject <subject>', 'what the tokens call them')
    .option('--reason <text>', 'for the receipt')
    .option('--wait', 'until every provider has answered; exit code 1 if one never confirmed')
    .option('--json', 'the receipt as the admin API answers it')
    .action((ordered: Ordered) => end(context, ordered));
  leavers
    .command('show')
    .description('a receipt as it stands now')
    .argument('<id>', 'as end and list show it', leaverId)
    .option('--json', 'as the admin API answers it')
    .action(async (id: string, { json }: Shown) => {
      print(context, await read(context.client(), id), json);
    });
  leavers
    .command('list')
    .description('people who left, newest first')
    .option('--issuer <slug>')
    .option('--subject <subject>')
    .option('--status <status>', 'ending, waiting or complete')
    .option('--barred', 'only those who are barred still')
    .option('--json', 'one a line, as the admin API answers')
    .action((listed: Listed) => list(context, listed));
  leavers
    .command('lift')
    .description('let a person begin anew; what was ended stays ended')
    .argument('<id>', 'as end and list show it', leaverId)
    .action(async (id: string) => {
      const lifted = leaverEntry.parse(await context.client().json('DELETE', `/leavers/${id}`));
      context.print(`The bar of ${lifted.subject} of ${lifted.issuer} is lifted.`);
    });
  addVerifyReceipt(leavers, context);
};

async function end(context: CommandContext, ordered: Ordered): Promise<void> {
  const { issuer, subject, reason, wait, json } = ordered;
  const admin = context.client();
  const body = { issuer, subject, ...(reason === undefined ? {} : { reason }) };
  let entry = leaverEntry.parse(await admin.json('POST', '/leavers', body));
  if (wait) entry = await settled(admin, entry);
  print(context, entry, json);
  if (wait && entry.receipt.connections.some(({ atProvider }) => atProvider === 'failed'))
    process.exitCode = 1;
}

/** With its records in the chain, so that the receipt can be kept as it is. It goes on in the vault if this is interrupted. */
async function settled(admin: AdminClient, ordered: LeaverEntry): Promise<LeaverEntry> {
  let entry = ordered;
  while (entry.status !== 'complete' || entry.audit.records.some((one) => one.position === null)) {
    await sleep(pollMs);
    entry = await read(admin, entry.id);
  }
  return entry;
}

async function list({ client, print: say }: CommandContext, listed: Listed): Promise<void> {
  const admin = client();
  const query = new URLSearchParams();
  for (const name of ['issuer', 'subject', 'status'] as const) {
    const value = listed[name];
    if (value !== undefined) query.set(name, value);
  }
  if (listed.barred) query.set('barred', 'true');
  for (let cursor: string | null = ''; cursor !== null;) {
    if (cursor !== '') query.set('cursor', cursor);
    const found = page.parse(await admin.json('GET', `/leavers?${query.toString()}`));
    for (const one of found.items) say(listed.json ? JSON.stringify(one) : summaryLine(one));
    cursor = found.nextCursor;
  }
}

async function read(admin: AdminClient, id: string): Promise<LeaverEntry> {
  return leaverEntry.parse(await admin.json('GET', `/leavers/${id}`));
}

function print({ print: say }: CommandContext, entry: LeaverEntry, json?: boolean): void {
  for (const line of json ? [JSON.stringify(entry, null, 2)] : receiptLines(entry)) say(line);
}

function leaverId(value: string): string {
  if (z.uuid().safeParse(value).success) return value;
  throw new InvalidArgumentError('Give the id that `symbolon leavers list` shows.');
}
