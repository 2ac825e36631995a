import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { canonicalDigest } from '#lib/audit-chain/canonical-digest';
import type { ExportedLine } from '#lib/audit-chain/chain';
import { exportedLines } from '#lib/audit-chain/exported-line';
import { verifyChain } from '#lib/audit-chain/verify-chain';
import type { CommandContext } from '../command.js';
import { type LeaverEntry, leaverEntry } from '../leaver-receipt.js';

const marginMs = 60_000;

interface Judged {
  readonly isGenuine: boolean;
  readonly sentence: string;
}

/** `symbolon leavers verify`: digest and chain are computed here again, not asked of the vault. */
export function addVerifyReceipt(leavers: Command, context: CommandContext): void {
  leavers
    .command('verify')
    .description(
      'check a kept receipt against the audit log; exit code 1 if it is not what was recorded',
    )
    .argument('<receipt>', 'a file of `leavers show --json`')
    .option('--file <path>', 'an export of the audit log instead of the vault')
    .action(async (path: string, { file }: { file?: string }) => {
      const entry = leaverEntry.parse(JSON.parse(await readFile(path, 'utf8')));
      const { isGenuine, sentence } = await judge(entry, source(context, entry, file));
      context.print(sentence);
      if (!isGenuine) process.exitCode = 1;
    });
}

/** The stretch of the log that the receipt belongs to. */
function source(
  { client }: CommandContext,
  { receipt }: LeaverEntry,
  file: string | undefined,
): AsyncIterable<string> {
  if (file !== undefined)
    return createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  const query = new URLSearchParams({ from: shifted(receipt.orderedAt, -marginMs) });
  if (receipt.settledAt !== null) query.set('to', shifted(receipt.settledAt, marginMs));
  return client().lines(`/audit-events/export?${query.toString()}`);
}

async function judge(entry: LeaverEntry, lines: AsyncIterable<string>): Promise<Judged> {
  const { receipt } = entry;
  const digest = canonicalDigest(receipt);
  if (receipt.settledAt === null)
    return no('The receipt is not final: fetch it again when every provider has answered.');
  let place: { position: number; recorded: unknown } | undefined;
  const watched = watch(exportedLines(lines), (line) => {
    const { event, position } = line;
    if (event?.action !== 'leaver.settled' || position === null) return;
    if (event.target['leaver'] === receipt.leaver)
      place = { position, recorded: event.detail['receiptSha256'] };
  });
  const { fault } = await verifyChain(watched, { isPart: true });
  if (fault) return no(`The audit log is broken at position ${fault.position}: ${fault.detail}`);
  if (place === undefined) return no('The audit log holds no record of this receipt.');
  if (place.recorded !== digest)
    return no(`The receipt was changed: position ${place.position} records another digest.`);
  return {
    isGenuine: true,
    sentence: `Genuine: SHA-256 ${digest} is recorded at position ${place.position} of an unbroken stretch of the audit log. \`symbolon audit verify\` checks the whole of it.`,
  };
}

async function* watch(
  lines: AsyncIterable<ExportedLine>,
  look: (line: ExportedLine) => void,
): AsyncGenerator<ExportedLine> {
  for await (const line of lines) {
    look(line);
    yield line;
  }
}

function no(sentence: string): Judged {
  return { isGenuine: false, sentence };
}

function shifted(time: string, ms: number): string {
  return new Date(Date.parse(time) + ms).toISOString();
}
