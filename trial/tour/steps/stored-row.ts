import { dumpTables, storedGrants } from '#lib/embedded-postgres/postgres-peek';
import type { StoredGrant } from '#lib/embedded-postgres/postgres-peek';
import type { Fact, Progress, Step, StepResult, Surroundings } from '../step.js';
import { searchFor } from '../token-search.js';

export const storedRow: Step = {
  id: 'stored-row',
  title: 'What the database holds',
  text: () =>
    'This is read straight from Postgres, past the vault: the row of the connection, its tokens sealed. Then every table is searched for every token that either provider has issued.',
  actions: [{ id: 'stored-row', button: 'Read the database', run: read }],
};

async function read(progress: Progress, { config, services }: Surroundings): Promise<StepResult> {
  const stored = await storedGrants(config.databaseUrl, progress.visitor.subject);
  const row = stored.find(({ grant }) => grant['refresh_token'] !== null) ?? stored.at(0);
  if (row === undefined) {
    return { outcome: 'waiting', says: 'There is no row yet: connect the warehouse in step 2.' };
  }
  const dump = await dumpTables(config.databaseUrl);
  const text = [...dump.values()].join('\n');
  const secrets = (await services.issued()).map(({ value }) => value);
  const hits = [...secrets, ...secrets.map(asBytea)].filter((value) => searchFor(text, value));
  return {
    outcome: hits.length === 0 ? 'done' : 'failed',
    says:
      hits.length === 0
        ? `${secrets.length} tokens and codes searched, as text and as bytes, in ${dump.size} tables (${text.length} characters): 0 found.`
        : `${hits.length} of ${secrets.length} tokens and codes were found in the database. That must never happen.`,
    facts: sealedFacts(row),
    raw: [{ title: 'The whole row', json: row }],
  };
}

/** `\x…` as Postgres writes bytes. */
function asBytea(value: string): string {
  return Buffer.from(value).toString('hex');
}

function sealedFacts({ grant, accessTokens }: StoredGrant): readonly Fact[] {
  const sealed = (name: string, value: unknown): Fact => ({
    name,
    value: typeof value === 'string' ? `${value.slice(0, 96)}… (${bytes(value)} bytes)` : 'none',
    exact: true,
  });
  return [
    { name: 'State', value: String(grant['status']) },
    { name: 'Upstream account', value: String(grant['upstream_account']) },
    sealed('Refresh token, sealed', grant['refresh_token']),
    ...accessTokens.map((token) => sealed('Access token, sealed', token['sealed'])),
  ];
}

function bytes(hex: string): number {
  return (hex.length - 2) / 2;
}
