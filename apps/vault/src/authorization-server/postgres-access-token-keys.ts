import type { Clock } from '#lib/clock/clock';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import { makeSigningKey } from '../providers/make-signing-key.js';
import type { SigningKey } from '../providers/signing-keys.js';
import type { AccessTokenKeys } from '../registry/access-token-keys.js';
import type { JsonObject } from '../registry/domain/json.js';
import type { SealedPlace, Sealer } from '../sealing/sealer.js';

interface Row {
  kid: string;
  public_jwk: JsonObject;
  private_jwk: Buffer;
}

// A key signs for a month, from an hour after it was published: by then every verifier has read it.
const signsForDays = 30;
const publishedAheadMinutes = 60;
const rememberedMs = 60_000;

/** The keys that the vault signs access tokens with; the public half readable, the private half sealed. */
export class PostgresAccessTokenKeys implements AccessTokenKeys {
  #remembered: { readonly key: Promise<SigningKey>; readonly untilMs: number } | undefined;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
  ) {}

  async published(): Promise<readonly JsonObject[]> {
    await this.#keepFresh();
    const rows = await this.database.query<Pick<Row, 'public_jwk'>>(
      'SELECT public_jwk FROM access_token_key ORDER BY created_at DESC, kid',
    );
    return rows.map((row) => row.public_jwk);
  }

  /** What signs now; asked of the database once a minute. */
  signing(): Promise<SigningKey> {
    const now = this.clock.monotonicMs();
    if (this.#remembered && now < this.#remembered.untilMs) return this.#remembered.key;
    const key = this.#signing();
    this.#remembered = { key, untilMs: now + rememberedMs };
    key.catch(() => (this.#remembered = undefined));
    return key;
  }

  async #signing(): Promise<SigningKey> {
    await this.#keepFresh();
    // The first key there is has nobody before it to wait for.
    const [row] = await this.database.query<Row>(
      `SELECT kid, public_jwk, private_jwk FROM access_token_key
        ORDER BY created_at > now() - make_interval(mins => $1), created_at DESC, kid LIMIT 1`,
      [publishedAheadMinutes],
    );
    if (row === undefined) throw new Error('There is no key for access tokens.');
    const privateJwk = await this.sealer.open(accessTokenKeyPlace(row.kid), row.private_jwk);
    return { kid: row.kid, publicJwk: row.public_jwk, privateJwk };
  }

  /** A key at all, and a new one in time; those that nothing is signed with any more go. */
  async #keepFresh(): Promise<void> {
    const [young] = await this.database.query(
      'SELECT 1 FROM access_token_key WHERE created_at > now() - make_interval(days => $1) LIMIT 1',
      [signsForDays],
    );
    if (young !== undefined) return;
    const key = await makeSigningKey('ES256');
    await this.database.transaction(async (tx) => {
      const query = queryOf(tx);
      // Two replicas that need a key at once make one.
      await query(`SELECT pg_advisory_xact_lock(hashtextextended('symbolon/access-token-key', 0))`);
      const [made] = await query(
        'SELECT 1 FROM access_token_key WHERE created_at > now() - make_interval(days => $1) LIMIT 1',
        [signsForDays],
      );
      if (made !== undefined) return;
      await query(
        'INSERT INTO access_token_key (kid, public_jwk, private_jwk) VALUES ($1, $2, $3)',
        [
          key.kid,
          JSON.stringify(key.publicJwk),
          this.sealer.seal(accessTokenKeyPlace(key.kid), key.privateJwk),
        ],
      );
      await query(
        'DELETE FROM access_token_key WHERE created_at < now() - make_interval(days => $1)',
        [2 * signsForDays],
      );
    });
  }
}

/** Where a private key is sealed. */
export function accessTokenKeyPlace(kid: string): SealedPlace {
  return {
    table: 'access_token_key',
    column: 'private_jwk',
    rowId: kid,
    issuer: '',
    subject: '',
    oauthClient: '',
  };
}
