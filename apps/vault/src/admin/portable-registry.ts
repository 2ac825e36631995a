import { Problem } from '#lib/problem/problem';
import type { ChangeReport } from '../registry/change-request.js';
import type { JsonObject } from '../registry/domain/json.js';
import { exportRegistry, requestsOf } from '../registry/registry-document.js';
import type { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import type { ChangeAuthority } from '../registry/registry-effects.js';
import type { RegistryWriter } from '../registry/registry-writer.js';
import { keepReferenced, parseYaml } from '../registry/secret-references.js';

/** Takes the registry out as one document and puts such a document in, all of it or nothing. */
export class PortableRegistry {
  constructor(
    private readonly store: PostgresRegistryStore,
    private readonly writer: RegistryWriter,
  ) {}

  async export(): Promise<JsonObject> {
    const { rows } = await this.store.load();
    return exportRegistry(rows);
  }

  /** `body` is YAML as text, or the document itself. Throws Problem. */
  async apply(
    body: unknown,
    authority: ChangeAuthority,
    options: { readonly dryRun: boolean },
  ): Promise<Omit<ChangeReport, 'row'>[]> {
    const document = typeof body === 'string' ? parseYaml(body) : body;
    const { rows } = await this.store.load();
    const { requests, errors } = keepReferenced(requestsOf(document), rows);
    if (errors.length > 0)
      throw new Problem('validation-failed', 'Correct what the errors name.', { errors });
    const reports = await this.writer.change(requests, authority, options);
    return reports.map(({ row: _, ...report }) => report);
  }
}
