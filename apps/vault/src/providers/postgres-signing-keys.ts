import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { JsonObject } from '../registry/domain/json.js';
import type { SealedPlace, Sealer } from '../sealing/sealer.js';
import { makeSigningKey } from './make-signing-key.js';
import type { KeyOwner, SigningKey, SigningKeys } from './signing-keys.js';

// A server may hold our JWKS for a while, so the key before the newest stays good.
const liveKeys = 2;

interface Row {
  kid: string;
  public_jwk: JsonObject;
  private_jwk: Buffer;
}

/** Signing keys in the database: the public half readable, the private half sealed. */
export class PostgresSigningKeys implements SigningKeys {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
  ) {}

  async live(owner: KeyOwner): Promise<readonly SigningKey[]> {
    const rows = await this.#rows(owner);
    if (rows.length > 0) return Promise.all(rows.map((row) => this.#opened(owner, row)));
    await this.#makeFirst(owner);
    return this.live(owner);
  }

  async published(owner: KeyOwner): Promise<readonly JsonObject[]> {
    const rows = await this.#rows(owner);
    if (rows.length > 0) return rows.map((row) => row.public_jwk);
    await this.#makeFirst(owner);
    return this.published(owner);
  }

  async rotate(owner: KeyOwner): Promise<readonly JsonObject[]> {
    const key = await makeSigningKey(owner.algorithm);
    await this.database.transaction(async (tx) => {
      await lockOwner(tx, owner);
      await this.#insert(tx, owner, key);
      // Keys for another authorization server or algorithm go too: nothing shows or uses them any more.
      await queryOf(tx)(
        `DELETE FROM oauth_client_key WHERE oauth_client_id = $1 AND kid NOT IN (
           SELECT kid FROM oauth_client_key
            WHERE oauth_client_id = $1 AND authorization_server = $2 AND algorithm = $3
            ORDER BY created_at DESC, kid LIMIT ${liveKeys})`,
        [owner.oauthClientId, owner.authorizationServer, owner.algorithm],
      );
    });
    return this.published(owner);
  }

  #rows({ oauthClientId, authorizationServer, algorithm }: KeyOwner): Promise<Row[]> {
    return this.database.query<Row>(
      `SELECT kid, public_jwk, private_jwk FROM oauth_client_key
        WHERE oauth_client_id = $1 AND authorization_server = $2 AND algorithm = $3
        ORDER BY created_at DESC, kid LIMIT ${liveKeys}`,
      [oauthClientId, authorizationServer, algorithm],
    );
  }

  /** Two replicas that need the first key at once make one. */
  async #makeFirst(owner: KeyOwner): Promise<void> {
    const key = await makeSigningKey(owner.algorithm);
    await this.database.transaction(async (tx) => {
      await lockOwner(tx, owner);
      const [existing] = await queryOf(tx)(
        `SELECT 1 FROM oauth_client_key
          WHERE oauth_client_id = $1 AND authorization_server = $2 AND algorithm = $3 LIMIT 1`,
        [owner.oauthClientId, owner.authorizationServer, owner.algorithm],
      );
      if (existing === undefined) await this.#insert(tx, owner, key);
    });
  }

  async #insert(tx: Transaction, owner: KeyOwner, key: SigningKey): Promise<void> {
    await queryOf(tx)(
      `INSERT INTO oauth_client_key (kid, oauth_client_id, authorization_server, algorithm, public_jwk, private_jwk)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [
        key.kid,
        owner.oauthClientId,
        owner.authorizationServer,
        owner.algorithm,
        JSON.stringify(key.publicJwk),
        this.sealer.seal(signingKeyPlace(owner, key.kid), key.privateJwk),
      ],
    );
  }

  async #opened(owner: KeyOwner, row: Row): Promise<SigningKey> {
    const privateJwk = await this.sealer.open(signingKeyPlace(owner, row.kid), row.private_jwk);
    return { kid: row.kid, publicJwk: row.public_jwk, privateJwk };
  }
}

/** Where a private key is sealed. */
export function signingKeyPlace(
  { oauthClientId }: Pick<KeyOwner, 'oauthClientId'>,
  kid: string,
): SealedPlace {
  return {
    table: 'oauth_client_key',
    column: 'private_jwk',
    rowId: kid,
    issuer: '',
    subject: '',
    oauthClient: oauthClientId,
  };
}

async function lockOwner(tx: Transaction, { oauthClientId }: KeyOwner): Promise<void> {
  const [found] = await queryOf(tx)('SELECT 1 FROM registry_resource WHERE id = $1 FOR UPDATE', [
    oauthClientId,
  ]);
  if (found === undefined) throw new Error('The oauth client of the key has gone.');
}
