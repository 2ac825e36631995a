import { Problem } from '#lib/problem/problem';
import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database, Transaction } from '../database/database.js';
import type { Issuer } from '../registry/domain/issuer.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import { hashOf, mintOpaque } from '../web/opaque.js';
import type { SubjectAttribute } from './domain/scim-user.js';
import type { PostgresScimServices, ScimTokenEntry } from './postgres-scim-services.js';
import type { ScimCaller } from './scim-caller.js';

export interface ScimAccessParts {
  readonly database: Database;
  readonly registry: Registry;
  readonly services: PostgresScimServices;
  readonly audit: AuditLog;
  readonly publicUrl: string;
}

export interface ScimServiceEntry {
  readonly issuer: string;
  /** What to enter at the identity provider ("tenant URL", "SCIM base URL"). */
  readonly baseUrl: string;
  readonly subjectAttribute: SubjectAttribute;
  readonly tokens: readonly ScimTokenEntry[];
}

interface By {
  readonly actor: AuditActor;
  readonly requestId: string;
}

// The one in use and the one that replaces it.
const mostTokens = 2;
// Scanners of secrets find it by this.
const prefix = 'symbolon_scim_';

/** Which identity providers may tell of their people, and by which tokens. Rejects with Problem. */
export class ScimAccess {
  constructor(private readonly parts: ScimAccessParts) {}

  async show(slug: string): Promise<ScimServiceEntry> {
    const issuer = await this.#issuer(slug);
    const service = await this.parts.services.find(issuer.id);
    if (service === undefined) throw noService();
    const { subjectAttribute } = service;
    const tokens = await this.parts.services.tokens(issuer.id);
    return { issuer: slug, baseUrl: this.#baseOf(slug), subjectAttribute, tokens };
  }

  async put(slug: string, subjectAttribute: SubjectAttribute, by: By): Promise<ScimServiceEntry> {
    const issuer = await this.#issuer(slug);
    await this.parts.database.transaction(async (tx) => {
      const before = await this.parts.services.lock(tx, issuer.id);
      if (before && before.users > 0 && before.subjectAttribute !== subjectAttribute)
        throw new Problem(
          'conflict',
          'Users are known by the other attribute. DELETE the service, and have the identity provider send everybody again.',
        );
      await this.parts.services.put(tx, { issuerId: issuer.id, subjectAttribute });
      await this.#record(tx, 'scim.configured', slug, by, { subjectAttribute });
    });
    return this.show(slug);
  }

  async remove(slug: string, by: By): Promise<void> {
    await this.#within(slug, async (tx, issuerId) => {
      await this.parts.services.remove(tx, issuerId);
      await this.#record(tx, 'scim.removed', slug, by);
    });
  }

  /** The only time that the token is seen. */
  async addToken(slug: string, by: By): Promise<ScimTokenEntry & { readonly token: string }> {
    const token = `${prefix}${mintOpaque().reveal()}`;
    const entry = await this.#within(slug, async (tx, issuerId, tokens) => {
      if (tokens >= mostTokens)
        throw new Problem('conflict', 'There are two tokens. DELETE the one that is not in use.');
      const added = await this.parts.services.addToken(tx, issuerId, hashOf(token));
      await this.#record(tx, 'scim.token_made', slug, by, { token: added.id });
      return added;
    });
    return { ...entry, token };
  }

  async removeToken(slug: string, id: string, by: By): Promise<void> {
    await this.#within(slug, async (tx, issuerId) => {
      if (!(await this.parts.services.removeToken(tx, issuerId, id)))
        throw new Problem('not-found', 'There is no such token.');
      await this.#record(tx, 'scim.token_removed', slug, by, { token: id });
    });
  }

  /** Whom a token proves to be: an issuer's identity provider, at its own address only. */
  async opened(slug: string, token: string, requestId: string): Promise<ScimCaller | undefined> {
    const issuer = this.parts.registry.current().issuer(slug);
    if (issuer === undefined) return undefined;
    const service = await this.parts.services.opened(issuer.id, hashOf(token));
    return service && { ...service, issuer: slug, requestId, base: this.#baseOf(slug) };
  }

  async #within<T>(
    slug: string,
    work: (tx: Transaction, issuerId: string, tokens: number) => Promise<T>,
  ): Promise<T> {
    const issuer = await this.#issuer(slug);
    return this.parts.database.transaction(async (tx) => {
      const service = await this.parts.services.lock(tx, issuer.id);
      if (service === undefined) throw noService();
      return work(tx, issuer.id, service.tokens);
    });
  }

  async #issuer(slug: string): Promise<Stored<Issuer>> {
    const issuer = (await this.parts.registry.refresh()).issuer(slug);
    if (issuer === undefined) throw new Problem('not-found', 'There is no such issuer.');
    return issuer;
  }

  #baseOf(slug: string): string {
    return `${this.parts.publicUrl}/scim/v2/${slug}`;
  }

  #record(
    tx: Transaction,
    action: string,
    issuer: string,
    { actor, requestId }: By,
    detail: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const record = { action, outcome: 'success', actor, target: { issuer }, requestId } as const;
    return this.parts.audit.record(tx, { ...record, detail });
  }
}

function noService(): Problem {
  return new Problem('not-found', 'This issuer has no SCIM service. PUT one first.');
}
