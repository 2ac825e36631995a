import { parseArgs } from 'node:util';
import { z } from 'zod';
import { ConfigurationError, readEnvironment } from '#lib/config/environment';
import { markDatabaseRestored } from './mark-restored.js';
import { type PartitionReport, partitionGrants } from './partition-grants.js';
import { runMigrations } from './run.js';

const schema = z.object({
  SYMBOLON_DATABASE_URL: z.string('is required: the Postgres database to migrate, postgres://…'),
});

const most = 1024;

interface Wanted {
  /** `--partition-grants N`. */
  readonly partitions: number | undefined;
  /** `--restored`: the database comes from a backup. */
  readonly restored: boolean;
  /** `--backup-time T`, RFC 3339. */
  readonly backupTime: string | undefined;
}

function wanted(): Wanted {
  const { values } = parseArgs({
    options: {
      'partition-grants': { type: 'string' },
      restored: { type: 'boolean', default: false },
      'backup-time': { type: 'string' },
    },
  });
  const backupTime = values['backup-time'];
  if (backupTime !== undefined && !z.iso.datetime({ offset: true }).safeParse(backupTime).success)
    throw new ConfigurationError(['--backup-time: must be RFC 3339, such as 2026-11-21T08:00:00Z']);
  const partitions = partitionsWanted(values['partition-grants']);
  return { partitions, restored: values.restored, backupTime };
}

function partitionsWanted(wanted: string | undefined): number | undefined {
  if (wanted === undefined) return undefined;
  const partitions = Number(wanted);
  if (Number.isInteger(partitions) && partitions >= 2 && partitions <= most) return partitions;
  throw new ConfigurationError([`--partition-grants: must be a number from 2 to ${most}`]);
}

function inWords({ done, partitions, grants, tokens, lockedMs }: PartitionReport): string {
  return done
    ? `Moved ${grants} grants and ${tokens} access tokens into ${partitions} partitions each; locked for ${lockedMs} ms.\n`
    : `The grants have ${partitions} partitions already.\n`;
}

try {
  const { partitions, restored, backupTime } = wanted();
  const settings = readEnvironment(schema, process.env);
  const { applied, vaultRole } = await runMigrations(settings.SYMBOLON_DATABASE_URL);
  process.stdout.write(
    applied.length > 0 ? `Applied ${applied.join(', ')}.\n` : 'The schema is up to date.\n',
  );
  if (partitions !== undefined)
    process.stdout.write(
      inWords(await partitionGrants(settings.SYMBOLON_DATABASE_URL, partitions)),
    );
  if (restored) {
    await markDatabaseRestored(settings.SYMBOLON_DATABASE_URL, backupTime);
    process.stdout.write(
      'Marked as restored: no refresh token is used before `symbolon recover start`.\n',
    );
  }
  if (vaultRole.byHand !== undefined) process.stderr.write(`${vaultRole.byHand}\n`);
} catch (error) {
  const text =
    error instanceof ConfigurationError ? error.message : `Migration failed: ${String(error)}`;
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
