import type { Secret } from '#lib/secret/secret';
import type { AuditLog, AuditRecord } from '../audit/audit-log.js';
import { type PostgresDatabase, type Query, queryOf } from '../database/postgres-database.js';
import type { SealedPlace, Sealer } from '../sealing/sealer.js';
import type { Registration, Registrations, StoredRegistration } from './registration.js';

interface Row {
  version: string;
  authorization_server: string;
  client_id: string;
  client_auth: Registration['clientAuth'];
  client_secret: Buffer | null;
  client_secret_expires_at: Date | null;
  registration_access_token: Buffer | null;
  registration_client_uri: string | null;
}

type SealedColumn = 'client_secret' | 'registration_access_token';

/** What servers made of us, in the database; secret and access token sealed. */
export class PostgresRegistrations implements Registrations {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
    private readonly audit?: AuditLog,
  ) {}

  async of(oauthClientId: string): Promise<StoredRegistration | undefined> {
    const [row] = await this.database.query<Row>(
      'SELECT * FROM oauth_client_registration WHERE oauth_client_id = $1',
      [oauthClientId],
    );
    return row && this.#opened(oauthClientId, row);
  }

  async replace(
    oauthClientId: string,
    before: StoredRegistration | undefined,
    registration: Registration,
    record?: AuditRecord,
  ): Promise<StoredRegistration | undefined> {
    return this.database.transaction(async (tx) => {
      const kept = await this.#replace(queryOf(tx), oauthClientId, before, registration);
      if (kept && record) await this.audit?.record(tx, record);
      return kept;
    });
  }

  async #replace(
    query: Query,
    oauthClientId: string,
    ...[before, registration]: [StoredRegistration | undefined, Registration]
  ): Promise<StoredRegistration | undefined> {
    const { clientSecret, registrationAccessToken, clientSecretExpiresAt } = registration;
    const [row] = await query<Row>(
      `INSERT INTO oauth_client_registration AS r
         (oauth_client_id, authorization_server, client_id, client_auth, client_secret,
          client_secret_expires_at, registration_access_token, registration_client_uri)
       VALUES ($1, $2, $3, $4, $5, to_timestamp($6), $7, $8)
       ON CONFLICT (oauth_client_id) DO UPDATE SET
          version = r.version + 1, registered_at = now(), authorization_server = $2, client_id = $3,
          client_auth = $4, client_secret = $5, client_secret_expires_at = to_timestamp($6),
          registration_access_token = $7, registration_client_uri = $8
        WHERE r.version = $9
       RETURNING *`,
      [
        oauthClientId,
        registration.authorizationServer,
        registration.clientId,
        registration.clientAuth,
        this.#sealed(oauthClientId, 'client_secret', clientSecret),
        clientSecretExpiresAt ?? null,
        this.#sealed(oauthClientId, 'registration_access_token', registrationAccessToken),
        registration.registrationClientUri ?? null,
        before?.version ?? 0,
      ],
    );
    return row && { ...registration, version: Number(row.version) };
  }

  #sealed(id: string, column: SealedColumn, value: Secret | undefined): Buffer | null {
    return value === undefined ? null : this.sealer.seal(placeOf(id, column), value);
  }

  async #open(id: string, column: SealedColumn, sealed: Buffer | null) {
    return sealed === null ? undefined : this.sealer.open(placeOf(id, column), sealed);
  }

  async #opened(id: string, row: Row): Promise<StoredRegistration> {
    const token = row.registration_access_token;
    return {
      version: Number(row.version),
      authorizationServer: row.authorization_server,
      clientId: row.client_id,
      clientAuth: row.client_auth,
      clientSecret: await this.#open(id, 'client_secret', row.client_secret),
      clientSecretExpiresAt: row.client_secret_expires_at
        ? row.client_secret_expires_at.getTime() / 1000
        : undefined,
      registrationAccessToken: await this.#open(id, 'registration_access_token', token),
      registrationClientUri: row.registration_client_uri ?? undefined,
    };
  }
}

function placeOf(oauthClientId: string, column: SealedColumn): SealedPlace {
  return {
    table: 'oauth_client_registration',
    column,
    rowId: oauthClientId,
    issuer: '',
    subject: '',
    oauthClient: oauthClientId,
  };
}
