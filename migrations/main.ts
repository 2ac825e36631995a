import { parseArgs } from 'node:util';
import { z } from 'zod';
import { ConfigurationError, readEnvironment } from '#lib/config/environment';
import { type PartitionReport, partitionGrants } from './partition-grants.js';
import { runMigrations } from './run.js';

const schema = z.object({
  SYMBOLON_DATABASE_URL: z.string('is required: the Postgres database to migrate, postgres://…'),
});

const most = 1024;

/** `--partition-grants N`; undefined without it. */
function partitionsWanted(): number | undefined {
  const { values } = parseArgs({ options: { 'partition-grants': { type: 'string' } } });
  const wanted = values['partition-grants'];
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
  const partitions = partitionsWanted();
  const settings = readEnvironment(schema, process.env);
  const { applied, vaultRole } = await runMigrations(settings.SYMBOLON_DATABASE_URL);
  process.stdout.write(
    applied.length > 0 ? `Applied ${applied.join(', ')}.\n` : 'The schema is up to date.\n',
  );
  if (partitions !== undefined)
    process.stdout.write(
      inWords(await partitionGrants(settings.SYMBOLON_DATABASE_URL, partitions)),
    );
  if (vaultRole.byHand !== undefined) process.stderr.write(`${vaultRole.byHand}\n`);
} catch (error) {
  const text =
    error instanceof ConfigurationError ? error.message : `Migration failed: ${String(error)}`;
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
