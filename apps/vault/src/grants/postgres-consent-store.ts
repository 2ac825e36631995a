import { admit } from '../bars/postgres-bar.js';
import type { Transaction } from '../database/database.js';
import { BatchedRead } from '../database/batched-read.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { Consent, ConsentKey, ConsentStore } from './consent-store.js';

const columns = `id, issuer_id AS "issuerId", subject, application, consumer,
  upstream_id AS "upstreamId", scopes, created_at AS "createdAt", expires_at AS "expiresAt"`;

/** Every change tells the gateways, in the transaction that makes it. */
export class PostgresConsentStore implements ConsentStore {
  readonly #finding = new BatchedRead((keys: readonly ConsentKey[]) => this.#findAll(keys));

  constructor(
    private readonly database: PostgresDatabase,
    private readonly publisher: EventPublisher,
    private readonly registry: Registry,
  ) {}

  find(key: ConsentKey): Promise<Consent | undefined> {
    return this.#finding.get(key);
  }

  async #findAll(keys: readonly ConsentKey[]): Promise<(Consent | undefined)[]> {
    const rows = await this.database.query<Row & { nth: number }>(
      `SELECT w.nth::int AS nth, c.*
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[]) WITH ORDINALITY
              AS w (issuer_id, subject, application, consumer, upstream_id, nth)
         JOIN LATERAL (SELECT ${columns} FROM client_consent c
               WHERE c.issuer_id = w.issuer_id AND c.subject = w.subject AND c.application = w.application
                 AND c.consumer = w.consumer AND c.upstream_id = w.upstream_id
                 AND c.expires_at > now()) c ON true`,
      [
        keys.map(({ issuerId }) => issuerId),
        keys.map(({ subject }) => subject),
        keys.map(({ application }) => application),
        keys.map(({ consumer }) => consumer),
        keys.map(({ upstreamId }) => upstreamId),
      ],
      'find-consents',
    );
    const found = new Map(rows.map(({ nth, ...consent }) => [nth, consent]));
    return keys.map((_, i) => found.get(i + 1));
  }

  async listOf(person: { issuerId: string; subject: string }): Promise<readonly Consent[]> {
    return this.database.query<Row>(
      `SELECT ${columns} FROM client_consent
        WHERE issuer_id = $1 AND subject = $2 AND expires_at > now() ORDER BY created_at, id`,
      [person.issuerId, person.subject],
    );
  }

  /** Throws PersonLeft. */
  async record(
    tx: Transaction,
    key: ConsentKey,
    scopes: readonly string[],
    lifetimeSeconds: number,
  ): Promise<Consent> {
    await admit(tx, key);
    const [consent] = await queryOf(tx)<Row>(
      `INSERT INTO client_consent (issuer_id, subject, application, consumer, upstream_id, scopes, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
       ON CONFLICT (issuer_id, subject, application, consumer, upstream_id) DO UPDATE SET
         scopes = excluded.scopes, created_at = now(), expires_at = excluded.expires_at
       RETURNING ${columns}`,
      [...parametersOf(key), scopes, lifetimeSeconds],
    );
    if (consent === undefined) throw new Error('The consent was not stored.');
    await this.#publish(tx, consent, 'given');
    return consent;
  }

  async remove(tx: Transaction, id: string): Promise<Consent | undefined> {
    const rows = await queryOf(tx)<Row>(
      `DELETE FROM client_consent WHERE id = $1 RETURNING ${columns}`,
      [id],
    );
    await this.#publishRemoved(tx, rows);
    return rows[0];
  }

  /** What a person has agreed to for these upstreams. */
  async removeOf(
    tx: Transaction,
    person: { issuerId: string; subject: string },
    upstreamIds: readonly string[],
  ): Promise<void> {
    const rows = await queryOf(tx)<Row>(
      `DELETE FROM client_consent WHERE issuer_id = $1 AND subject = $2 AND upstream_id = ANY($3::uuid[])
       RETURNING ${columns}`,
      [person.issuerId, person.subject, upstreamIds],
    );
    await this.#publishRemoved(tx, rows);
  }

  /** All that a person has agreed to. Answers how many there were. */
  async removeAllOf(
    tx: Transaction,
    person: { issuerId: string; subject: string },
  ): Promise<number> {
    const rows = await queryOf(tx)<Row>(
      `DELETE FROM client_consent WHERE issuer_id = $1 AND subject = $2 RETURNING ${columns}`,
      [person.issuerId, person.subject],
    );
    await this.#publishRemoved(tx, rows);
    return rows.length;
  }

  async #publishRemoved(tx: Transaction, consents: readonly Consent[]): Promise<void> {
    for (const consent of consents) await this.#publish(tx, consent, 'removed');
  }

  async #publish(tx: Transaction, consent: Consent, state: 'given' | 'removed'): Promise<void> {
    const registry = this.registry.current();
    const issuer = registry.issuerById(consent.issuerId)?.document.slug;
    const upstream = registry.upstreamById(consent.upstreamId)?.document.slug;
    // Without a name no gateway can have heard of it.
    if (issuer === undefined || upstream === undefined) return;
    const { subject, application, consumer } = consent;
    await this.publisher.publish(tx, {
      type: 'consent',
      issuer,
      subject,
      application,
      consumer,
      upstream,
      state,
    });
  }
}

type Row = Consent & Record<string, unknown>;

function parametersOf(key: ConsentKey): string[] {
  return [key.issuerId, key.subject, key.application, key.consumer, key.upstreamId];
}
