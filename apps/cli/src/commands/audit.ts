import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ExportedLine } from '#lib/audit-chain/chain';
import { type ChainHead, type ChainVerdict, verifyChain } from '#lib/audit-chain/verify-chain';
import { InvalidArgumentError } from 'commander';
import type { AddCommand, CommandContext } from '../command.js';

/** `symbolon audit verify|export`. The chain is computed here again, not asked of the vault. */
export const addAudit: AddCommand = (program, context) => {
  const audit = program.command('audit').description('check and export the audit log');
  audit
    .command('verify')
    .description('compute the hash chain again and name the first gap')
    .option('--file <path>', 'an export instead of the vault')
    .option(
      '--head <position:hash>',
      'a head from the vault’s log (audit.sealed): notices a log that was cut off',
      headOf,
    )
    .action(async (options: { file?: string; head?: ChainHead }) => {
      const verdict = await verifyChain(parsed(source(context, options.file)), options.head);
      context.print(sentenceOf(verdict));
      if (!verdict.ok) process.exitCode = 1;
    });
  audit
    .command('export')
    .description('the whole log as NDJSON, one event a line with its place in the chain')
    .action(async () => {
      for await (const line of source(context, undefined)) context.print(line);
    });
};

function source({ client }: CommandContext, file: string | undefined): AsyncIterable<string> {
  return file === undefined
    ? client().lines('/audit-events/export')
    : createInterface({ input: createReadStream(file), crlfDelay: Infinity });
}

async function* parsed(lines: AsyncIterable<string>): AsyncGenerator<ExportedLine> {
  for await (const line of lines) if (line !== '') yield JSON.parse(line) as ExportedLine;
}

function headOf(value: string): ChainHead {
  const found = /^(\d{1,15}):([0-9a-f]{64})$/.exec(value);
  if (!found) throw new InvalidArgumentError('Give it as POSITION:HASH, as the vault logs it.');
  return { position: Number(found[1]), hash: found[2] ?? '' };
}

function sentenceOf(verdict: ChainVerdict): string {
  if (!verdict.ok) return `BROKEN at position ${verdict.position}. ${verdict.detail}`;
  const { head, unsealed } = verdict;
  return `Intact: ${head.position} events chained, ${unsealed} not chained yet. Head ${head.position}:${head.hash}`;
}
