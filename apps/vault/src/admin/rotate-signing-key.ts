import { Problem } from '#lib/problem/problem';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import { keyOwnerOf, type SigningKeys } from '../providers/signing-keys.js';
import type { JsonObject } from '../registry/domain/json.js';
import type { ChangeAuthority } from '../registry/registry-effects.js';
import type { Registry } from '../registry/registry-snapshot.js';

/** Gives an oauth client a new key to sign with; the one before it stays published until the next rotation. */
export class RotateSigningKey {
  constructor(
    private readonly registry: Registry,
    private readonly keys: SigningKeys,
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /** The published keys, newest first. Throws Problem. */
  async rotate(
    slug: string,
    { actor, requestId }: ChangeAuthority,
  ): Promise<{ keys: readonly JsonObject[] }> {
    const client = (await this.registry.refresh()).oauthClient(slug);
    if (client === undefined) throw new Problem('not-found', `There is no oauth client "${slug}".`);
    if (client.document.clientAuth !== 'private_key_jwt')
      throw new Problem('conflict', 'This oauth client does not sign: clientAuth is another.');
    const keys = await this.keys.rotate(keyOwnerOf(client));
    await this.database.transaction((tx) =>
      this.audit.record(tx, {
        action: 'oauth_client.key_rotated',
        outcome: 'success',
        actor,
        target: { collection: 'oauth-clients', slug, id: client.id },
        requestId,
        detail: { kids: keys.map(({ kid }) => kid) },
      }),
    );
    return { keys };
  }
}
