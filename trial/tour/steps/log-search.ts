import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress, Step, StepResult, Surroundings } from '../step.js';
import { searchFor } from '../token-search.js';

export const logSearch: Step = {
  id: 'log-search',
  title: 'A search of all the logs',
  text: () =>
    'Every token and code that either provider has issued since it was started is searched in everything that every process has written. To show that the search finds things, the tour first writes a random word into its own log.',
  actions: [{ id: 'log-search', button: 'Search the logs', run: search }],
};

async function search(
  _progress: Progress,
  { config, services }: Surroundings,
): Promise<StepResult> {
  const canary = `canary-${randomBytes(24).toString('base64url')}`;
  process.stdout.write(`${JSON.stringify({ event: 'tour.canary', canary })}\n`);
  const files = (await Promise.all(config.logs.map(filesOf))).flat();
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const secrets = await services.issued();
  const found = secrets.filter(({ value }) => texts.some((text) => searchFor(text, value)));
  const canaries = texts.filter((text) => text.includes(canary)).length;
  const clean = found.length === 0 && canaries === 1;
  return {
    outcome: clean ? 'done' : 'failed',
    says: clean
      ? `0 hits for ${secrets.length} tokens and codes; the planted word was found.`
      : `${found.length} hits for ${secrets.length} tokens and codes; the planted word was found in ${canaries} files.`,
    facts: [
      { name: 'Searched for', value: counted(secrets) },
      {
        name: 'In',
        value: `${files.length} files, ${sum(texts.map(({ length }) => length))} characters`,
      },
      { name: 'Tokens found', value: String(found.length) },
      { name: 'Planted word found', value: canaries === 1 ? 'yes' : 'no' },
    ],
    table: {
      head: ['File', 'Characters', 'Hits'],
      rows: files.map((file, index) => {
        const text = texts[index] ?? '';
        const hits = secrets.filter(({ value }) => searchFor(text, value)).length;
        return [file.split('/').slice(-2).join('/'), String(text.length), String(hits)];
      }),
    },
  };
}

async function filesOf(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return [];
  if (!found.isDirectory()) return [path];
  return (await readdir(path)).toSorted().map((name) => join(path, name));
}

function counted(secrets: readonly { readonly kind: string }[]): string {
  const kinds = new Map<string, number>();
  for (const { kind } of secrets) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return [...kinds].map(([kind, count]) => `${count} × ${kind.replaceAll('_', ' ')}`).join(', ');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, next) => total + next, 0);
}
