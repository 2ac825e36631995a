import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BareServer } from '#lib/testing/postgres-bare-server';
import type { Person } from '#lib/testing/stack-person';
import type { FaultStack } from '../../test/faults/stack/fault-stack.js';
import { Laboratory } from '../../test/faults/stack/laboratory.js';
import type { Asked } from '../harness/asked.js';
import { cpuMicros } from '../cpu-micros.js';
import { dataKey } from '../sealed-grants.js';
import { StatementLog } from '../statement-log.js';

const form = { 'content-type': 'application/x-www-form-urlencoded' };

interface Who {
  readonly pid: number | undefined;
  readonly asked: readonly Asked[];
}

interface Stored {
  readonly id: string;
  readonly context: readonly string[];
}

/** One vault on a durable Postgres, people who have consented, and bare servers on the same database. */
export class VaultUnderLoad {
  readonly #children: ChildProcess[] = [];
  #exchanges: readonly Asked[] = [];

  private constructor(
    private readonly laboratory: Laboratory,
    readonly stack: FaultStack,
    readonly log: StatementLog,
    readonly people: readonly Person[],
  ) {}

  static async open(people: number): Promise<VaultUnderLoad> {
    const laboratory = await Laboratory.open();
    try {
      const stack = await laboratory.stack({ vaults: 1, rotation: { kind: 'strict' } });
      const log = new StatementLog(stack, join(laboratory.folder, 'postgres', 'postgres.log'));
      await log.prepare();
      const self = new VaultUnderLoad(laboratory, stack, log, await stack.connected(people));
      await self.#withoutLine();
      return self;
    } catch (error) {
      await laboratory.close();
      throw error;
    }
  }

  get #origin(): string {
    return this.stack.vaults[0]?.url ?? '';
  }

  /** Of the vault. */
  get pid(): number | undefined {
    return this.stack.vaults[0]?.process.pid;
  }

  /** What a gateway asks the vault for each of the people. */
  asking(): Who {
    const asked = () => this.#exchanges;
    return {
      pid: this.pid,
      get asked() {
        return asked();
      },
    };
  }

  /** A new assertion of the gateway, good for most of a minute, in what is asked from now on. */
  async renew(): Promise<void> {
    const assertion = await this.stack.assertion();
    this.#exchanges = await Promise.all(
      this.people.map(async (person) => ({
        url: `${this.#origin}/oauth2/token`,
        headers: form,
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: assertion,
          subject_token: await person.token,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          audience: 'tool-0',
          interaction: 'none',
        }).toString(),
      })),
    );
  }

  /** A bare server that reads the same tokens, `opened` or as they are stored, and what to ask it. */
  async bare(kind: 'sealed' | 'opened'): Promise<Who> {
    const stored = await this.#stored();
    const { id, key } = await dataKey(this.stack);
    const opening = {
      keyId: id.toString('base64url'),
      key: key.toString('base64url'),
      contexts: Object.fromEntries(stored.map(({ id: grant, context }) => [grant, context])),
    };
    const program = new URL('../../libs/testing/postgres-bare-server.js', import.meta.url);
    const child = fork(fileURLToPath(program));
    this.#children.push(child);
    child.send({
      databaseUrl: this.laboratory.vaultDatabaseUrl(this.stack.ground.database),
      // As many as the vault has for its requests.
      connections: 10,
      ...(kind === 'opened' ? { opening } : {}),
    } satisfies BareServer);
    const [port] = (await once(child, 'message')) as [number];
    const asked = stored.map((row) => ({
      method: 'POST',
      url: `http://127.0.0.1:${port}/${row.id}`,
      headers: { 'content-length': '0' },
    }));
    return { pid: child.pid, asked };
  }

  /** Processor time of Postgres, all its processes; NaN where there is no /proc. */
  postgresCpuMicros(): number {
    try {
      const file = join(this.laboratory.folder, 'postgres', 'cluster', 'postmaster.pid');
      const postmaster = Number(readFileSync(file, 'utf8').split('\n')[0]);
      const children = readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name) && parentOf(name) === postmaster)
        .map(Number);
      return [postmaster, ...children].reduce((sum, pid) => sum + (cpuMicros(pid) ?? 0), 0);
    } catch {
      return Number.NaN;
    }
  }

  async close(): Promise<void> {
    for (const each of this.#children) each.kill();
    await this.stack.stop();
    await this.laboratory.close();
  }

  /** The line that experiments cut would be part of what is measured. */
  async #withoutLine(): Promise<void> {
    const url = this.laboratory.vaultDatabaseUrl(this.stack.ground.database);
    const process = this.stack.vaults[0]?.process;
    await process?.stop();
    await process?.start({ SYMBOLON_DATABASE_URL: url });
  }

  async #stored(): Promise<readonly Stored[]> {
    const rows = await this.stack.sql<Record<string, string>>(
      `SELECT g.id, g.subject, g.issuer_id, g.oauth_client_id, a.resource, a.scopes
         FROM user_grant g JOIN access_token a ON a.grant_id = g.id WHERE g.subject = ANY($1)`,
      [this.people.map(({ name }) => name)],
    );
    return rows.map(({ id = '', subject = '', issuer_id = '', oauth_client_id = '', ...rest }) => {
      const place = JSON.stringify([id, rest['resource'], rest['scopes']]);
      const context = ['access_token', 'sealed', issuer_id, subject, oauth_client_id, place];
      return { id, context };
    });
  }
}

function parentOf(pid: string): number {
  try {
    const [, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return Number(parent);
  } catch {
    return 0;
  }
}
