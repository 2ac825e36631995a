import { Problem } from '#lib/problem/problem';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import { ProviderRefused } from '../providers/provider-refused.js';
import type { RegisterClient } from '../providers/register-client.js';
import { discover } from '../registry/discover-issuer.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { ChangeAuthority, GrantSuspender } from '../registry/registry-effects.js';
import type { Registry } from '../registry/registry-snapshot.js';

export interface RegisterAgainParts {
  readonly registry: Registry;
  readonly register: RegisterClient;
  readonly outbound: Parameters<typeof discover>[0];
  readonly database: Database;
  readonly grants: GrantSuspender;
  readonly audit: AuditLog;
}

/** Registers an oauth client anew where the server has forgotten it; what was granted to the old client is suspended. */
export class RegisterAgain {
  constructor(private readonly parts: RegisterAgainParts) {}

  /** Throws Problem. */
  async register(
    slug: string,
    { actor, requestId }: ChangeAuthority,
  ): Promise<{ clientId: string; suspendedGrants: number }> {
    const { registry, register, database, grants, audit } = this.parts;
    const client = (await registry.refresh()).oauthClient(slug);
    if (client === undefined) throw new Problem('not-found', `There is no oauth client "${slug}".`);
    if (client.document.registration !== 'dynamic')
      throw new Problem('conflict', 'This oauth client does not register itself.');
    const server = await this.#server(client.document);
    const { clientId } = await register.anew(client, server).catch(refusedInWords);
    const reason = 'The registration at the authorization server was renewed.';
    const suspendedGrants = await database.transaction(async (tx) => {
      const count = await grants.suspend(tx, { oauthClientId: client.id }, reason);
      await audit.record(tx, {
        action: 'oauth_client.registered',
        outcome: 'success',
        actor,
        target: { collection: 'oauth-clients', slug, id: client.id },
        requestId,
        detail: { clientId, suspendedGrants: count },
      });
      return count;
    });
    return { clientId, suspendedGrants };
  }

  async #server({ issuer, endpoints, discoverFrom }: OAuthClient) {
    if (endpoints)
      return { issuer: endpoints.token, registration_endpoint: endpoints.registration };
    const order = discoverFrom === undefined ? 'openid' : 'mcp';
    const found = await discover(this.parts.outbound, issuer ?? '', order);
    if (found.ok) return found.metadata;
    throw new Problem('upstream-unreachable', found.detail);
  }
}

function refusedInWords(error: unknown): never {
  if (error instanceof ProviderRefused) throw new Problem('upstream-invalid', error.failure.detail);
  throw error;
}
