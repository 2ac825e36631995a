import { z } from 'zod';
import { ConfigurationError, readEnvironment } from '#lib/config/environment';
import { runMigrations } from './run.js';

const schema = z.object({
  SYMBOLON_DATABASE_URL: z.string('is required: the Postgres database to migrate, postgres://…'),
});

try {
  const settings = readEnvironment(schema, process.env);
  const { applied, vaultRole } = await runMigrations(settings.SYMBOLON_DATABASE_URL);
  process.stdout.write(
    applied.length > 0 ? `Applied ${applied.join(', ')}.\n` : 'The schema is up to date.\n',
  );
  if (vaultRole.byHand !== undefined) process.stderr.write(`${vaultRole.byHand}\n`);
} catch (error) {
  const text =
    error instanceof ConfigurationError ? error.message : `Migration failed: ${String(error)}`;
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
