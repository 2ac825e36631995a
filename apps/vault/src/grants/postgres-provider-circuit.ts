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
                failing_since = CASE WHEN failures = 0 THEN now() ELSE failing_since END
          WHERE oauth_client_id = $1`,
        [oauthClientId, after.failures, after.pausedFor, failure.error],
      );
      return after;
    });
  }

  /** It has answered: nothing is known against it. */
  async answered(oauthClientId: string): Promise<void> {
    await this.database.query(
      `UPDATE provider_circuit SET failures = 0, paused_until = NULL WHERE oauth_client_id = $1 AND failures > 0`,
      [oauthClientId],
    );
  }
}
