import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppProcess } from '#lib/testing/app-process';
import { startEventCut } from '#lib/testing/event-cut';
import type { EventCut } from '#lib/testing/event-cut';
import { freePort } from '#lib/testing/free-port';
import { TcpProxy } from '#lib/testing/tcp-proxy';

/** The compiled tree, whether this runs from there or as source. */
const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/dist\/$/, '/');
export const compiled = (path: string) => join(root, 'dist', path);

export const clockJump = compiled('libs/testing/clock-jump.js');

/** A vault process and its line to Postgres. */
export interface VaultNode {
  readonly url: string;
  readonly port: number;
  readonly log: string;
  readonly process: AppProcess;
  readonly postgres: TcpProxy;
}

/** A gateway process and its line to the vaults. */
export interface GatewayNode {
  readonly url: string;
  readonly process: AppProcess;
  readonly vault: TcpProxy;
  /** Undefined unless asked for: it also is a line, in front of the other. */
  readonly events: EventCut | undefined;
}

export interface NodeSettings {
  readonly name: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly preload: string | undefined;
}

export async function makeVault(
  settings: NodeSettings,
  databasePort: number,
  databaseUrl: string,
): Promise<VaultNode> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const log = join(settings.folder, `${settings.name}.log`);
  const postgres = await TcpProxy.start({ targets: () => [databasePort] });
  const throughLine = new URL(databaseUrl);
  throughLine.port = String(postgres.port);
  const env = {
    ...settings.env,
    SYMBOLON_VAULT_PORT: String(port),
    SYMBOLON_VAULT_HOST: '127.0.0.1',
    SYMBOLON_DATABASE_URL: throughLine.href,
    SYMBOLON_METRICS_PORT: String(await freePort()),
  };
  const main = compiled('apps/vault/src/main.js');
  const process = new AppProcess({ main, env, url, log, ...preloadOf(settings) });
  return { url, port, log, process, postgres };
}

export async function makeGateway(
  settings: NodeSettings,
  front: TcpProxy,
  withEventCut: boolean,
): Promise<GatewayNode> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const vault = await TcpProxy.start({ targets: () => [front.port] });
  const events = withEventCut ? await startEventCut(vault.origin) : undefined;
  const env = {
    ...settings.env,
    SYMBOLON_GATEWAY_PORT: String(port),
    SYMBOLON_VAULT_URL: events?.origin ?? vault.origin,
    SYMBOLON_METRICS_PORT: String(await freePort()),
  };
  const main = compiled('apps/gateway/src/main.js');
  const log = join(settings.folder, `${settings.name}.log`);
  const process = new AppProcess({ main, env, url, log, ...preloadOf(settings) });
  return { url, process, vault, events };
}

function preloadOf({ preload }: NodeSettings): { preload?: string } {
  return preload === undefined ? {} : { preload };
}
