import { z } from 'zod';
import type { AddCommand } from '../command.js';

const day = 86_400;
const moved = z.object({
  dryRun: z.boolean(),
  from: z.string(),
  to: z.string(),
  acceptUntil: z.string().nullable(),
  sharedKeys: z.boolean(),
  effects: z.array(z.object({ kind: z.string(), count: z.number().optional() })),
});

interface MoveOptions {
  readonly to: string;
  readonly acceptHours: number;
  readonly confirmNewKeys?: boolean;
  readonly dryRun?: boolean;
}

/** `symbolon issuers move`. */
export const addIssuers: AddCommand = (program, { client, print }) => {
  program
    .command('issuers')
    .description('corporate identity providers')
    .command('move')
    .description(
      'the same directory under another URL: everybody keeps what they granted (bootstrap token)',
    )
    .argument('<slug>')
    .requiredOption('--to <url>', 'the new issuer, byte for byte as its metadata names it')
    .option('--accept-hours <n>', 'tokens of the old URL count for so long yet', Number, 24)
    .option('--confirm-new-keys', 'although no key of before signs at the new URL')
    .option('--dry-run', 'only say what it comes to')
    .action(async (slug: string, options: MoveOptions) => {
      const { to, acceptHours, confirmNewKeys = false, dryRun = false } = options;
      const body = { to, acceptSeconds: Math.round((acceptHours * day) / 24), confirmNewKeys };
      const path = `/issuers/${encodeURIComponent(slug)}/move${dryRun ? '?dryRun=true' : ''}`;
      const answer = moved.parse(await client().json('POST', path, body));
      const until =
        answer.acceptUntil === null
          ? 'Tokens of the old URL count no more.'
          : `Tokens of the old URL count until ${answer.acceptUntil}.`;
      const keys = answer.sharedKeys ? 'It signs by a key of before.' : 'It signs by NEW keys.';
      print(`${dryRun ? 'Would move' : 'Moved'} ${slug} from ${answer.from} to ${answer.to}.`);
      print(`${keys} ${until}`);
      for (const { kind, count } of answer.effects) print(`  ${kind}: ${count ?? ''}`);
    });
};
