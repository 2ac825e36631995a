import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { controlHeader } from '#lib/testing/trial-control';
import type { TourConfig } from './tour-config.js';
import { readText } from './read-text.js';

const issuedSecrets = z.array(z.object({ kind: z.string(), value: z.string() }));
const grants = z.object({
  items: z.array(
    z.looseObject({
      id: z.string(),
      status: z.string(),
      account: z.object({ subject: z.string(), name: z.string().nullable() }).nullable(),
    }),
  ),
});
const auditEvents = z.object({
  items: z.array(
    z.looseObject({
      at: z.string(),
      action: z.string(),
      outcome: z.string(),
      actor: z.looseObject({ application: z.string().optional(), client: z.string().optional() }),
    }),
  ),
});

export type IssuedSecret = z.output<typeof issuedSecrets>[number];
export type GrantEntry = z.output<typeof grants>['items'][number];
export type AuditEntry = z.output<typeof auditEvents>['items'][number];

/** What the tour may ask of the running trial: the admin API, the faults, the counters. */
export class TrialServices {
  /** `performance.now()` when the tokens were last expired. */
  #expiredAtMs = -Infinity;

  constructor(private readonly config: TourConfig) {}

  /** Every token and code that the two providers issued since their start. */
  async issued(): Promise<readonly IssuedSecret[]> {
    const { corporateIdp, upstreamIdp } = this.config;
    const lists = [corporateIdp, upstreamIdp].map(async (idp) =>
      issuedSecrets.parse(await this.#control(idp, '/trial/issued')),
    );
    return (await Promise.all(lists)).flat();
  }

  async setUpstreamProvider(mode: 'up' | 'unavailable'): Promise<void> {
    await this.#control(this.config.upstreamIdp, '/trial/mode', { mode });
  }

  /** The demo warehouse refuses every token that it has accepted so far. */
  async expireTokens(): Promise<void> {
    await this.#control(new URL(this.config.snowdemo).origin, '/trial/expire', {});
    this.#expiredAtMs = performance.now();
  }

  msSinceExpiry(): number {
    return performance.now() - this.#expiredAtMs;
  }

  /** Resolves when the new process is ready. */
  async restartVault(): Promise<void> {
    const about: unknown = JSON.parse(await readFile(this.config.controlFile, 'utf8'));
    await this.#control((about as { origin: string }).origin, '/restart/vault', {});
  }

  /** Everything that the demo warehouse was sent, as text. */
  async receivedBySnowdemo(): Promise<string> {
    const { origin } = new URL(this.config.snowdemo);
    return JSON.stringify(await this.#control(origin, '/trial/received'));
  }

  /** Requests that the vault's token endpoint has answered since the vault's start. */
  async vaultCalls(): Promise<number> {
    const lines = (await readText(`${this.config.vaultMetrics}/metrics`)).split('\n');
    return lines
      .filter((line) => /^symbolon_http_requests_total\{.*route="\/oauth2\/token"/.test(line))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async grantsOf(subject: string): Promise<readonly GrantEntry[]> {
    const query = new URLSearchParams({ subject, upstream: 'snowdemo' });
    return grants.parse(await this.#admin('GET', `grants?${query.toString()}`)).items;
  }

  /** What came of it at the provider. */
  async revoke(grantId: string): Promise<unknown> {
    return this.#admin('DELETE', `grants/${grantId}`);
  }

  async auditEventsOf(subject: string): Promise<readonly AuditEntry[]> {
    const query = new URLSearchParams({ actor: subject, limit: '20' });
    return auditEvents.parse(await this.#admin('GET', `audit-events?${query.toString()}`)).items;
  }

  async #admin(method: string, path: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${this.config.adminToken}` };
    const answer = await fetch(`${this.config.vault}/admin/v1/${path}`, { method, headers });
    return bodyOf(answer, `The vault's admin API`);
  }

  async #control(origin: string, path: string, body?: Record<string, unknown>): Promise<unknown> {
    const answer = await fetch(origin + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { [controlHeader]: this.config.controlToken },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return bodyOf(answer, `The trial at ${origin}`);
  }
}

async function bodyOf(answer: Response, who: string): Promise<unknown> {
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${who} answered ${answer.status}: ${text.slice(0, 300)}`);
  return text === '' ? {} : JSON.parse(text);
}
