import { z } from 'zod';
import type { AddCommand, CommandContext } from '../command.js';

const listed = z.object({
  toolChanges: z.string(),
  items: z.array(
    z.object({
      name: z.string(),
      fingerprint: z.string(),
      state: z.string(),
      firstSeenAt: z.string(),
      lastSeenAt: z.string(),
    }),
  ),
});
const approved = z.object({ approved: z.array(z.string()) });
const forgotten = z.object({ forgotten: z.number() });

/** `symbolon tools list|approve|forget`: what is known of a server's tools, and what of their changes passes. */
export const addTools: AddCommand = (program, context) => {
  const tools = program.command('tools').description('tools that servers list, and their changes');
  tools
    .command('list')
    .description('each tool by its fingerprint: approved, held, or changed and not held')
    .argument('<upstream>')
    .option('--json', 'as the admin API answers')
    .action((upstream: string, { json }: { json?: true }) =>
      list(context, upstream, json === true),
    );
  tools
    .command('approve')
    .description('let changed tools through: these, or all that wait')
    .argument('<upstream>')
    .argument('[names...]')
    .option('--all', 'all that wait')
    .action((upstream: string, names: string[], { all }: { all?: true }) =>
      approve(context, upstream, all ? undefined : names),
    );
  tools
    .command('forget')
    .description(
      'forget all tools of a server: what it lists next is taken as it is, held ones too',
    )
    .argument('<upstream>')
    .action((upstream: string) => forget(context, upstream));
};

async function list({ client, print }: CommandContext, upstream: string, json: boolean) {
  const answer = await client().json('GET', pathOf(upstream));
  if (json) return print(JSON.stringify(answer, null, 2));
  const { toolChanges, items } = listed.parse(answer);
  print(`toolChanges: ${toolChanges}`);
  for (const { name, fingerprint, state, firstSeenAt, lastSeenAt } of items)
    print(`  ${state}  ${fingerprint.slice(0, 12)}  ${firstSeenAt}  ${lastSeenAt}  ${name}`);
}

async function approve({ client, print }: CommandContext, upstream: string, names?: string[]) {
  if (names?.length === 0) throw new Error('Name the tools, or give --all.');
  const body = names === undefined ? { all: true } : { names };
  const answer = await client().json('POST', `${pathOf(upstream)}/approve`, body);
  const through = approved.parse(answer).approved;
  print(through.length === 0 ? 'None of them waited.' : `Let through: ${through.join(', ')}`);
}

async function forget({ client, print }: CommandContext, upstream: string) {
  const { forgotten: count } = forgotten.parse(await client().json('DELETE', pathOf(upstream)));
  print(`Forgotten: ${count}. What ${upstream} lists in the next ten minutes is taken as it is.`);
}

function pathOf(upstream: string): string {
  return `/upstreams/${encodeURIComponent(upstream)}/tools`;
}
