import type { QueryResultRow } from 'pg';
import { z } from 'zod';
import { Secret } from '#lib/secret/secret';
import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { TokenSet, UpstreamAccount } from '../providers/token-set.js';
import type { SealedPlace, Sealer } from '../sealing/sealer.js';
import type { ConsentRequest } from './consent-requests.js';

/** What came back for another account than the connected one. */
export interface UnconfirmedAccount {
  readonly tokens: TokenSet;
  readonly account: UpstreamAccount | undefined;
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
}

const confirmSeconds = 600;

const sealedForm = z.object({
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  tokenType: z.string(),
  dpopKey: z.string().optional(),
  issuedAt: z.number(),
  expiresAt: z.number().optional(),
  scopes: z.array(z.string()),
  idTokenClaims: z.record(z.string(), z.unknown()).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  asked: z.object({ scopes: z.array(z.string()), resource: z.string().optional() }),
});

interface AccountRow extends QueryResultRow {
  readonly sealed: Buffer;
  readonly upstream_subject: string;
  readonly upstream_account: string | null;
}

interface ExpiredRow extends AccountRow {
  readonly id: string;
  readonly issuerId: string;
  readonly subject: string;
  readonly upstreamId: string;
}

/** What waited too long. `held` is undefined where its upstream has no oauth client any more. */
export interface ExpiredAccount {
  readonly issuerId: string;
  readonly subject: string;
  readonly held:
    | {
        readonly oauthClientId: string;
        /** Rejects with SealBroken, also where the upstream had another oauth client then. */
        open(): Promise<UnconfirmedAccount>;
      }
    | undefined;
}

/** Tokens that wait, sealed, for the person to say whether they are of the right account. */
export class PostgresUnconfirmedAccountStore {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
  ) {}

  async put(
    tx: Transaction,
    request: ConsentRequest,
    unconfirmed: UnconfirmedAccount,
  ): Promise<void> {
    const { tokens, account, scopes, resource } = unconfirmed;
    const form: z.input<typeof sealedForm> = {
      ...tokens,
      scopes: [...tokens.scopes],
      accessToken: tokens.accessToken.reveal(),
      refreshToken: tokens.refreshToken?.reveal(),
      dpopKey: tokens.dpopKey?.reveal(),
      asked: { scopes: [...scopes], resource },
    };
    await queryOf(tx)(
      `INSERT INTO unconfirmed_account (interaction_id, sealed, upstream_subject, upstream_account, expires_at)
       VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
       ON CONFLICT (interaction_id) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at,
         upstream_subject = excluded.upstream_subject, upstream_account = excluded.upstream_account`,
      [
        request.interaction.id,
        this.sealer.seal(placeOf(request), new Secret(JSON.stringify(form))),
        account?.subject ?? '',
        account?.name ?? null,
        confirmSeconds,
      ],
    );
  }

  async find(request: ConsentRequest): Promise<UnconfirmedAccount | undefined> {
    const [row] = await this.database.query<AccountRow>(
      `SELECT sealed, upstream_subject, upstream_account FROM unconfirmed_account
        WHERE interaction_id = $1 AND expires_at > now()`,
      [request.interaction.id],
    );
    if (!row) return undefined;
    return this.#open(placeOf(request), row);
  }

  /** Takes out what nobody confirmed in time, by the oauth client that an upstream has now. Other replicas take others. */
  async takeExpired(
    tx: Transaction,
    limit: number,
    oauthClientOf: (upstreamId: string) => string | undefined,
  ): Promise<readonly ExpiredAccount[]> {
    const rows = await queryOf(tx)<ExpiredRow>(
      `DELETE FROM unconfirmed_account u USING interaction i
        WHERE i.id = u.interaction_id AND u.interaction_id IN (
          SELECT interaction_id FROM unconfirmed_account WHERE expires_at <= now()
           LIMIT $1 FOR UPDATE SKIP LOCKED)
       RETURNING u.sealed, u.upstream_subject, u.upstream_account, i.id, i.issuer_id AS "issuerId",
                 i.subject, i.upstream_id AS "upstreamId"`,
      [limit],
    );
    return rows.map((row) => {
      const { id, issuerId, subject } = row;
      const oauthClientId = oauthClientOf(row.upstreamId);
      if (oauthClientId === undefined) return { issuerId, subject, held: undefined };
      const interaction = { id, issuerId, subject };
      const place = unconfirmedAccountPlace({ interaction, oauthClient: { id: oauthClientId } });
      const open = () => this.#open(place, row);
      return { issuerId, subject, held: { oauthClientId, open } };
    });
  }

  async #open(place: SealedPlace, row: AccountRow): Promise<UnconfirmedAccount> {
    const opened = (await this.sealer.open(place, row.sealed)).reveal();
    const { asked, ...form } = sealedForm.parse(JSON.parse(opened));
    return {
      tokens: {
        ...form,
        accessToken: new Secret(form.accessToken),
        refreshToken: form.refreshToken === undefined ? undefined : new Secret(form.refreshToken),
        dpopKey: form.dpopKey === undefined ? undefined : new Secret(form.dpopKey),
        expiresAt: form.expiresAt,
        idTokenClaims: form.idTokenClaims,
      },
      account:
        row.upstream_subject === ''
          ? undefined
          : { subject: row.upstream_subject, name: row.upstream_account ?? undefined },
      scopes: asked.scopes,
      resource: asked.resource,
    };
  }

  async remove(tx: Transaction, interactionId: string): Promise<void> {
    await queryOf(tx)('DELETE FROM unconfirmed_account WHERE interaction_id = $1', [interactionId]);
  }
}

function placeOf({ interaction, grantKey }: ConsentRequest): SealedPlace {
  return unconfirmedAccountPlace({ interaction, oauthClient: { id: grantKey.oauthClientId } });
}

/** Where tokens that wait for the person's word are sealed. */
export function unconfirmedAccountPlace({
  interaction,
  oauthClient,
}: {
  readonly interaction: Pick<ConsentRequest['interaction'], 'id' | 'issuerId' | 'subject'>;
  readonly oauthClient: { readonly id: string };
}): SealedPlace {
  return {
    table: 'unconfirmed_account',
    column: 'sealed',
    rowId: interaction.id,
    issuer: interaction.issuerId,
    subject: interaction.subject,
    oauthClient: oauthClient.id,
  };
}
