import { createHash, randomUUID } from 'node:crypto';
import { type MessageKey, openMessage, sealMessage } from '#lib/sealing/message';
import type { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import type { FaultStack } from '../test/faults/stack/fault-stack.js';

const atOnce = 1_000;

interface Sample {
  readonly issuer: string;
  readonly partition: string;
}

/**
 * So many grants whose refresh tokens are good at `provider`, sealed as the vault does it: ten thousand consents in
 * a browser take a quarter of an hour. Their subjects begin with the slug of the oauth client.
 */
export async function sealedGrants(
  stack: FaultStack,
  provider: ScriptableAuthorizationServer,
  oauthClient: string,
  count: number,
): Promise<void> {
  const [client] = await stack.sql<{ id: string }>(
    `SELECT id FROM registry_resource WHERE collection = 'oauth-clients' AND slug = $1`,
    [oauthClient],
  );
  const [sample] = await stack.sql<Sample>(
    'SELECT issuer_id AS issuer, partition FROM user_grant LIMIT 1',
  );
  if (!client || !sample) throw new Error('one person must have consented before');
  const key = await dataKey(stack);
  for (let from = 0; from < count; from += atOnce) {
    const rows = Array.from({ length: Math.min(atOnce, count - from) }, (_, i) => {
      const subject = `${oauthClient}-${from + i}`;
      const id = randomUUID();
      const scope = 'offline_access openid read';
      const family = provider.families.start({ subject, clientId: 'symbolon', scope });
      const token = Buffer.from(provider.families.issue(family));
      const place = [sample.issuer, subject, client.id, id];
      const sealed = sealMessage(key, ['user_grant', 'refresh_token', ...place], token);
      return { id, subject, sealed };
    });
    await stack.sql(inserting, [
      sample.issuer,
      client.id,
      sample.partition,
      rows.map(({ id }) => id),
      rows.map(({ subject }) => subject),
      rows.map(({ sealed }) => sealed),
    ]);
  }
}

const inserting = `
  WITH grants AS (
    INSERT INTO user_grant (id, issuer_id, subject, oauth_client_id, partition, status, requested_scopes,
                            granted_scopes, refresh_token, refresh_after, last_used_at)
    SELECT id, $1, subject, $2, $3, 'active', '{offline_access,openid,read}', '{offline_access,openid,read}', sealed,
           now() + interval '6 hours', now()
      FROM unnest($4::uuid[], $5::text[], $6::bytea[]) AS r (id, subject, sealed)
    RETURNING id, refresh_token)
  INSERT INTO access_token (grant_id, sealed, sha256, issued_at, expires_at)
  SELECT id, refresh_token, sha256(id::text::bytea), now() - interval '1 hour', now() + interval '1 hour' FROM grants`;

/** The primary data key, unwrapped by the key that the vaults of this stack have in their environment. */
export async function dataKey(stack: FaultStack): Promise<MessageKey> {
  const [row] = await stack.sql<{ id: Buffer; wrapped: Buffer }>(
    `SELECT id, wrapped FROM sealing_key WHERE status = 'primary'`,
  );
  const keyring = stack.vaults[0]?.process.options.env['FAULTS_KEYRING'];
  if (!row || keyring === undefined) throw new Error('there is no data key');
  const key = Buffer.from(keyring, 'base64url');
  const id = createHash('sha256').update('symbolon/kek').update(key).digest().subarray(0, 16);
  const context = ['sealing_key', 'wrapped', row.id.toString('hex')];
  return { id: row.id, key: openMessage({ id, key }, context, row.wrapped) };
}
