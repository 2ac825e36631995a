import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { exportedLines } from '#lib/audit-chain/exported-line';
import { type ChainHead, type ChainReading, verifyChain } from '#lib/audit-chain/verify-chain';
import { type Command, InvalidArgumentError } from 'commander';
import type { AddCommand, CommandContext } from '../command.js';

interface Range {
  readonly after?: string;
  readonly from?: string;
  readonly to?: string;
}

/** `symbolon audit verify|export`. The chain is computed here again, not asked of the vault. */
export const addAudit: AddCommand = (program, context) => {
  const audit = program.command('audit').description('check and export the audit log');
  withRange(audit.command('verify'))
    .description(
      'compute the hash chain again and name the first fault; exit code 1 if there is one',
    )
    .option(
      '--file <path>',
      'an export instead of the vault; with --after, --from or --to it may be a part',
    )
    .option(
      '--head <position:hash>',
      'a head from the vault’s log (audit.sealed): notices an end that was cut off',
      headOf,
    )
    .action(async (options: Range & { file?: string; head?: ChainHead }) => {
      const isPart = [options.after, options.from, options.to].some((one) => one !== undefined);
      const expected = { known: options.head, isPart };
      const reading = await verifyChain(exportedLines(source(context, options)), expected);
      for (const line of report(reading)) context.print(line);
      if (reading.fault) process.exitCode = 1;
    });
  withRange(audit.command('export'))
    .description('the log as NDJSON, one event a line with its place in the chain')
    .action(async (options: Range) => {
      for await (const line of source(context, options)) context.print(line);
    });
};

function withRange(command: Command): Command {
  return command
    .option('--from <time>', 'RFC 3339: only what happened from then on')
    .option('--to <time>', 'RFC 3339: only what happened before')
    .option('--after <position>', 'go on after a position');
}

function source(
  { client }: CommandContext,
  { file, ...range }: Range & { file?: string; head?: ChainHead },
): AsyncIterable<string> {
  if (file !== undefined)
    return createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  const query = new URLSearchParams();
  for (const name of ['after', 'from', 'to'] as const) {
    const value = range[name];
    if (value !== undefined) query.set(name, value);
  }
  return client().lines(`/audit-events/export?${query.toString()}`);
}

function headOf(value: string): ChainHead {
  const found = /^(\d{1,15}):([0-9a-f]{64})$/.exec(value);
  if (!found) throw new InvalidArgumentError('Give it as POSITION:HASH, as the vault logs it.');
  return { position: Number(found[1]), hash: found[2] ?? '' };
}

function report({ from, head, headAt, waiting, waitingSince, fault }: ChainReading): string[] {
  const until = headAt === undefined ? '' : ` (${headAt})`;
  const intact =
    head.position < from
      ? 'Nothing is chained.'
      : `Intact from position ${from} to ${head.position}${until}. Head: ${head.position}:${head.hash}`;
  const since = waitingSince === undefined ? '' : `, the oldest of ${waitingSince}`;
  if (!fault) return [intact, `Not chained yet: ${waiting}${since}.`];
  const row = fault.sequence === undefined ? '' : `, sequence ${fault.sequence}`;
  const at = fault.at === undefined ? '' : `, ${fault.at}`;
  return [
    `BROKEN at position ${fault.position}${row}${at}: ${fault.kind}. ${fault.detail}`,
    head.position < from ? 'Nothing before it was read.' : `Before it: ${intact}`,
  ];
}
