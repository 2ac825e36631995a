import { readFile } from 'node:fs/promises';
import { controlFile, readTrialConfig } from './config.js';
import { controlHeader } from '#lib/testing/trial-control';
import type { PieceStatus } from './supervisor/control-server.js';

const usage = 'npm run trial -- status | start PIECE | stop PIECE | restart PIECE | kill PIECE';

/** `npm run trial -- …`: asks the running supervisor. */
async function run([verb, piece]: readonly string[]): Promise<string> {
  if (verb === undefined || (verb !== 'status' && piece === undefined)) return usage;
  const { stateDir } = readTrialConfig();
  const text = await readFile(controlFile(stateDir), 'utf8').catch(() => {
    throw new Error(`No trial is running with the data in ${stateDir}. Start one with npm start.`);
  });
  const { origin, token } = JSON.parse(text) as { origin: string; token: string };
  const path = verb === 'status' ? '/status' : `/${verb}/${piece ?? ''}`;
  const method = verb === 'status' ? 'GET' : 'POST';
  const answer = await fetch(origin + path, { method, headers: { [controlHeader]: token } });
  const body: unknown = await answer.json();
  if (!answer.ok) throw new Error((body as { error: string }).error);
  return Object.entries(body as Record<string, PieceStatus>)
    .map(([name, { state, pid, restarts }]) =>
      `${name.padEnd(14)} ${state.padEnd(9)} ${pid ?? ''} ${restarts > 0 ? `started again ${restarts}×` : ''}`.trimEnd(),
    )
    .join('\n');
}

run(process.argv.slice(2)).then(
  (text) => process.stdout.write(`${text}\n`),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
