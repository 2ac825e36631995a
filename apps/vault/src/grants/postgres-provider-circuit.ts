import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import { afterFailure, type CircuitState } from './domain/provider-circuit.js';

/** What all replicas know of providers that fail: a row each, from the first failure on. */
export class PostgresProviderCircuit {
  constructor(private readonly database: PostgresDatabase) {}

  failed(
    oauthClientId: string,
    failure: { readonly error: string; readonly retryAfter: number | undefined },
  ): Promise<CircuitState> {
    return this.database.transaction(async (tx) => {
      const query = queryOf(tx);
      await query(
        `INSERT INTO provider_circuit (oauth_client_id, failures, error) VALUES ($1, 0, $2)
         ON CONFLICT (oauth_client_id) DO NOTHING`,
        [oauthClientId, failure.error],
      );
      const [before] = await query<CircuitState & Record<string, unknown>>(
        `SELECT failures, coalesce(greatest(extract(epoch FROM paused_until - now()), 0), 0)::float8 AS "pausedFor"
           FROM provider_circuit WHERE oauth_client_id = $1 FOR UPDATE`,
        [oauthClientId],
      );
      const after = afterFailure(before, failure.retryAfter, Math.random());
      await query(
        `UPDATE provider_circuit SET failures = $2, paused_until = now() + make_interval(secs => $3), error = $4,
                failing_since = CASE WHEN failures = 0 THEN now() ELSE failing_since END,
                asked_until = CASE WHEN $5 THEN now() + make_interval(secs => $3) ELSE asked_until END
          WHERE oauth_client_id = $1`,
        [
          oauthClientId,
          after.failures,
          after.pausedFor,
          failure.error,
          failure.retryAfter !== undefined,
        ],
      );
      return after;
    });
  }

  /**
   * It has answered: nothing is known against it, unless it asked to be left alone for longer. Then false, for what
   * was in flight or came all the same says nothing of that.
   */
  async answered(oauthClientId: string): Promise<boolean> {
    const rows = await this.database.query<{ left: boolean }>(
      `UPDATE provider_circuit
          SET failures = CASE WHEN asked_until > now() THEN failures ELSE 0 END,
              paused_until = CASE WHEN asked_until > now() THEN paused_until END
        WHERE oauth_client_id = $1 AND failures > 0
        RETURNING coalesce(asked_until > now(), false) AS left`,
      [oauthClientId],
    );
    return rows[0]?.left !== true;
  }
}
