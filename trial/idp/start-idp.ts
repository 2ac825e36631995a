import { join } from 'node:path';
import type { IncomingMessage } from 'node:http';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { startLocalServer } from '#lib/testing/local-server';
import type { LocalServer } from '#lib/testing/local-server';
import { answerByMode } from '../service-mode.js';
import { createProvider } from './create-provider.js';
import { FileStore } from './file-store.js';
import type { IdpConfig } from './idp-config.js';
import { serveIdpControl } from './idp-control.js';
import type { IdpState } from './idp-control.js';
import { serveInteraction } from './interactions.js';
import { IssuedLog } from './issued-log.js';
import { idpKeys } from './keys.js';
import { corporatePeople, upstreamPeople } from './people.js';

/** Starts one identity provider of the trial on 127.0.0.1. */
export async function startIdp(config: IdpConfig): Promise<LocalServer> {
  const store = await FileStore.open(join(config.stateDir, `${config.kind}-idp.json`));
  const people = config.kind === 'corporate' ? corporatePeople : upstreamPeople;
  const provider = createProvider(config, people, await idpKeys(store), store);
  const log = new IssuedLog();
  provider.use((ctx, next) => recordIssued(log, ctx as KoaContextWithOIDC, next));
  const state: IdpState = { mode: 'up', log, store, controlToken: config.controlToken };
  const protocol = provider.callback();
  return startLocalServer(async (request, response) => {
    if (pathOf(request).startsWith('/trial/')) return serveIdpControl(state, request, response);
    if (answerByMode(state.mode, response)) return;
    if (pathOf(request).startsWith('/interaction/')) {
      return serveInteraction({ provider, config, people }, request, response);
    }
    await protocol(request, response);
  }, config.port);
}

function pathOf(request: IncomingMessage): string {
  return request.url ?? '/';
}

async function recordIssued(
  log: IssuedLog,
  ctx: KoaContextWithOIDC,
  next: () => Promise<void>,
): Promise<void> {
  await next();
  const { route } = ctx.oidc ?? {};
  if (route === 'token') recordTokens(log, ctx);
  const location = ctx.response.get('location');
  if (location === '' || !URL.canParse(location)) return;
  const code = new URL(location).searchParams.get('code');
  if (code !== null) log.add('code', code);
}

function recordTokens(log: IssuedLog, ctx: KoaContextWithOIDC): void {
  const asked = ctx.oidc.params?.['grant_type'];
  const grantType = typeof asked === 'string' ? asked : 'none';
  const body = (ctx.body ?? {}) as Record<string, unknown>;
  if (ctx.status !== 200) {
    const key = `${grantType} ${String(body['error'])}`;
    log.refused[key] = (log.refused[key] ?? 0) + 1;
    return;
  }
  log.succeeded[grantType] = (log.succeeded[grantType] ?? 0) + 1;
  for (const kind of ['access_token', 'refresh_token', 'id_token'] as const) {
    const value = body[kind];
    if (typeof value === 'string') log.add(kind, value);
  }
}
