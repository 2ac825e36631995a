import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import pg from 'pg';
import { openMessage, type MessageKey } from '#lib/sealing/message';

/*
 * The yardsticks of the vault's exchange, each a process of its own: the least that answers one row of Postgres by its
 * key over HTTP. It asks nobody who they are, and records nothing.
 */

/** What it is told by its parent, once; it answers with its port. */
export interface BareServer {
  readonly databaseUrl: string;
  readonly connections: number;
  /** By Fastify, and opened with this key, as what the place says; else by node:http, sealed as it is. */
  readonly opening?: {
    readonly keyId: string;
    readonly key: string;
    /** The context in which each token was sealed, by the id of its grant. */
    readonly contexts: Readonly<Record<string, readonly string[]>>;
  };
}

interface Row {
  readonly sealed: Buffer;
  readonly expiresAt: number;
}

const statement = {
  name: 'by-key',
  text: `SELECT sealed, extract(epoch FROM expires_at)::float8 AS "expiresAt"
           FROM access_token WHERE grant_id = $1`,
};

async function main(): Promise<void> {
  const [told] = (await once(process, 'message')) as [BareServer];
  const pool = new pg.Pool({ connectionString: told.databaseUrl, max: told.connections });
  const read = async (id: string): Promise<Row | undefined> =>
    (await pool.query<Row>({ ...statement, values: [id] })).rows[0];
  const port = told.opening ? await byFastify(read, told.opening) : await byNode(read);
  process.send?.(port);
}

async function byNode(read: (id: string) => Promise<Row | undefined>): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    void read((request.url ?? '/').slice(1)).then(
      (row) => {
        if (row === undefined) return response.writeHead(404).end();
        const body = answer(row.sealed.toString('base64url'), row);
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        });
        return response.end(body);
      },
      () => response.writeHead(500).end(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function byFastify(
  read: (id: string) => Promise<Row | undefined>,
  { keyId, key, contexts }: NonNullable<BareServer['opening']>,
): Promise<number> {
  const opening: MessageKey = {
    id: Buffer.from(keyId, 'base64url'),
    key: Buffer.from(key, 'base64url'),
  };
  const server = fastify({ logger: false });
  server.post<{ Params: { id: string } }>('/:id', async (request, reply) => {
    const { id } = request.params;
    const row = await read(id);
    const context = contexts[id];
    if (row === undefined || context === undefined) return reply.code(404).send();
    const token = openMessage(opening, context, row.sealed).toString('utf8');
    return reply.type('application/json').send(answer(token, row));
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  return (server.server.address() as AddressInfo).port;
}

function answer(token: string, { expiresAt }: Row): string {
  return JSON.stringify({
    access_token: token,
    token_type: 'Bearer',
    expires_in: Math.floor(expiresAt - Date.now() / 1000),
  });
}

await main();
