import { setTimeout as sleep } from 'node:timers/promises';
import { Argument, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import type { AdminClient } from '../admin-client.js';
import type { AddCommand, CommandContext } from '../command.js';

const rotation = z.object({
  id: z.string(),
  what: z.string(),
  keyId: z.string(),
  phase: z.string(),
  waitingFor: z.string().nullable(),
  column: z.string().nullable(),
  pass: z.number(),
  sealed: z.number(),
  broken: z.array(z.string()),
  outcome: z.string().nullable(),
});

const keyStatus = z.object({
  dataKeys: z.array(
    z.object({
      id: z.string(),
      status: z.string(),
      kekId: z.string(),
      kekVersion: z.string(),
      createdAt: z.string(),
      mayRetire: z.boolean(),
    }),
  ),
  keyEncryptionKeys: z.array(
    z.object({
      id: z.string(),
      inKeyring: z.boolean(),
      wrapsNew: z.boolean(),
      dataKeys: z.number(),
      mayBeRemoved: z.boolean(),
    }),
  ),
  processes: z.array(z.object({ name: z.string(), primaryKey: z.string() })),
  sealedProcesses: z.array(z.object({ name: z.string(), problem: z.string() })).default([]),
  rotation: rotation.nullable(),
});

type KeyStatus = z.output<typeof keyStatus>;
type Rotation = z.output<typeof rotation>;

const pollMs = 1_000;

/** `symbolon keys status|rotate|retire`. */
export const addKeys: AddCommand = (program, context) => {
  const keys = program.command('keys').description('data keys and key-encryption keys');
  keys
    .command('status')
    .description('which keys there are, what they are needed for, and how far a rotation is')
    .option('--json', 'as the admin API answers')
    .action(async ({ json }: { json?: boolean }) => {
      const status = await read(context.client());
      for (const line of json ? [JSON.stringify(status, null, 2)] : report(status))
        context.print(line);
    });
  keys
    .command('rotate')
    .description('a new data key for everything, or all data keys wrapped anew; online, resumable')
    .addArgument(new Argument('<what>').choices(['data-key', 'key-encryption-key']))
    .option('--no-wait', 'return once it has begun')
    .action((what: string, options: { wait: boolean }) =>
      begin(context, options.wait, '/keys/rotate', { what }),
    );
  keys
    .command('retire')
    .description('delete a data key once nothing is sealed by it')
    .argument('<id>', 'as status shows it', dataKeyId)
    .option('--no-wait', 'return once it has begun')
    .action((id: string, options: { wait: boolean }) =>
      begin(context, options.wait, `/keys/${id}/retire`),
    );
};

async function begin(
  { client, print }: CommandContext,
  wait: boolean,
  path: string,
  body?: object,
): Promise<void> {
  const admin = client();
  const begun = rotation.parse(await admin.json('POST', path, body));
  print(`Begun: ${begun.what} ${begun.keyId}.`);
  if (!wait) return;
  const ended = await follow(admin, begun.id, print);
  print(ended.outcome ?? 'It has ended.');
  if (ended.broken.length > 0) process.exitCode = 1;
}

/** Prints what changes until it has ended. It goes on in the vault if this is interrupted. */
async function follow(
  admin: AdminClient,
  id: string,
  print: (line: string) => void,
): Promise<Rotation> {
  for (let said = ''; ; await sleep(pollMs)) {
    const { rotation: current } = await read(admin);
    if (current === null || current.id !== id) throw new Error('Another rotation has begun since.');
    if (current.phase === 'finished') return current;
    const line = progressOf(current);
    if (line !== said) print(line);
    said = line;
  }
}

async function read(admin: AdminClient): Promise<KeyStatus> {
  return keyStatus.parse(await admin.json('GET', '/keys'));
}

function report(status: KeyStatus): string[] {
  const { dataKeys, keyEncryptionKeys, processes, sealedProcesses, rotation: newest } = status;
  return [
    'Data keys',
    ...dataKeys.map(({ id, status, kekId, kekVersion, createdAt, mayRetire }) => {
      const version = kekVersion === '' ? '' : ` version ${kekVersion}`;
      const hint = mayRetire ? '; may be retired' : '';
      return `  ${id}  ${status}, since ${createdAt}, wrapped by ${kekId}${version}${hint}`;
    }),
    'Key-encryption keys',
    ...keyEncryptionKeys.map(({ id, inKeyring, wrapsNew, dataKeys: wraps, mayBeRemoved }) => {
      const place = wrapsNew ? 'wraps new data keys' : inKeyring ? 'opens' : 'NOT in the key ring';
      const hint = mayBeRemoved ? '; may be removed from SYMBOLON_KEYRING' : '';
      return `  ${id}  ${place}, wraps ${wraps} data key${wraps === 1 ? '' : 's'}${hint}`;
    }),
    `Vault processes: ${processes.map(({ name }) => name).join(', ') || 'none is open'}`,
    ...sealedProcesses.map(({ name, problem }) => `  SEALED ${name}: ${problem}`),
    newest === null ? 'No rotation yet.' : `Newest rotation: ${summaryOf(newest)}`,
  ];
}

function summaryOf(newest: Rotation): string {
  return newest.phase === 'finished'
    ? `${newest.what}, finished. ${newest.outcome ?? ''}`
    : `${newest.what}, ${progressOf(newest)}`;
}

function progressOf({ phase, waitingFor, column, pass, sealed }: Rotation): string {
  const waiting = waitingFor === null ? '' : `, waiting: ${waitingFor}`;
  const where = column === null ? '' : `, ${column} (run ${pass}), ${sealed} sealed anew`;
  return `${phase}${where}${waiting}`;
}

function dataKeyId(value: string): string {
  if (/^[0-9a-f]{32}$/.test(value)) return value;
  throw new InvalidArgumentError(
    'Give the 32 hexadecimal digits that `symbolon keys status` shows.',
  );
}
