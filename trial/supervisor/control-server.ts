import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readBody, sendJson, startLocalServer } from '#lib/testing/local-server';
import { mayControl } from '#lib/testing/trial-control';
import type { PieceState } from './piece.js';

export interface PieceStatus {
  readonly state: PieceState;
  readonly pid?: number | undefined;
  /** How often it was started again after a crash. */
  readonly restarts: number;
}

/** What `npm run trial -- …` and tests may ask of the running supervisor. */
export interface Controllable {
  status(): Promise<Readonly<Record<string, PieceStatus>>>;
  /** Throws with a sentence for a piece that does not exist. */
  act(
    verb: 'start' | 'stop' | 'restart' | 'kill',
    piece: string,
    env: Readonly<Record<string, string>>,
  ): Promise<void>;
}

const verbs = ['start', 'stop', 'restart', 'kill'] as const;

/** Serves `GET /status` and `POST /{verb}/{piece}` on a free loopback port, named in `file` (0600) beside `about`. */
export async function startControlServer(
  supervisor: Controllable,
  file: string,
  token: string,
  about: Readonly<Record<string, unknown>>,
): Promise<{ stop(): Promise<void> }> {
  const server = await startLocalServer(async (request, response) => {
    if (!mayControl(request, token)) return sendJson(response, 403, {});
    const [, first = '', piece = ''] = (request.url ?? '').split('/');
    if (request.method === 'GET' && first === 'status') {
      return sendJson(response, 200, await supervisor.status());
    }
    const verb = verbs.find((known) => known === first);
    if (request.method !== 'POST' || verb === undefined) {
      return sendJson(response, 404, { error: `unknown command ${first}` });
    }
    try {
      await supervisor.act(verb, piece, environmentOf(await readBody(request)));
      sendJson(response, 200, await supervisor.status());
    } catch (error) {
      sendJson(response, 409, { error: error instanceof Error ? error.message : String(error) });
    }
  });
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, JSON.stringify({ ...about, origin: server.origin, token }), {
    mode: 0o600,
  });
  return {
    stop: async () => {
      await rm(file, { force: true });
      await server.stop();
    },
  };
}

function environmentOf(body: string): Record<string, string> {
  if (body === '') return {};
  const { env } = JSON.parse(body) as { env?: Record<string, string> };
  return env ?? {};
}
