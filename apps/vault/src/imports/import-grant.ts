import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import { leftDetail, PersonLeft } from '../bars/person-left.js';
import { isBarred } from '../bars/postgres-bar.js';
import type { Database, Transaction } from '../database/database.js';
import type { PostgresAdvisoryLocks } from '../database/postgres-advisory-locks.js';
import { consentLifetimeSeconds, type ConsentStore } from '../grants/consent-store.js';
import type { Grants, GrantView } from '../grants/grants.js';
import type { PostgresGrantStore } from '../grants/postgres-grant-store.js';
import type { Provider, ProviderFailure, Providers, TokenResult } from '../providers/provider.js';
import { ProviderRefused } from '../providers/provider-refused.js';
import { type RequestSlots, usualRequests } from '../providers/request-slots.js';
import type { TokenSet, UpstreamAccount } from '../providers/token-set.js';
import { isSameVersion } from '../registry/postgres-same-version.js';
import type { PlannedImport } from './planned-import.js';

export interface ImportOutcome {
  readonly status: 'imported' | 'valid' | 'exists' | 'refused' | 'failed';
  /** Public; says what to do. */
  readonly detail: string;
  readonly grantId?: string;
  /** Why nothing else of this oauth client will work either. */
  readonly halts?: 'misconfigured' | 'unanswered';
}

/** Who imports, in which request. */
export interface Importer {
  readonly actor: AuditActor;
  readonly requestId: string;
}

export interface ImportGrantParts {
  readonly database: Database;
  readonly grants: Grants;
  readonly store: Pick<PostgresGrantStore, 'lock'>;
  readonly consents: ConsentStore;
  readonly providers: Providers;
  readonly locks: PostgresAdvisoryLocks;
  readonly slots: Pick<RequestSlots, 'run'>;
  readonly audit: AuditLog;
}

// With rotation the new token exists nowhere but here: a database fails over in less than half a minute.
const commitTries = 40;
const commitPauseMs = 500;

/** Takes over one refresh token: what is stored is what a real refresh with it brought. */
export class ImportGrant {
  constructor(private readonly parts: ImportGrantParts) {}

  /** What would come of it, without asking the provider. */
  async foresee({ key, client }: PlannedImport): Promise<ImportOutcome> {
    const [isSame, hasLeft] = await this.parts.database.transaction(async (tx) => [
      await isSameVersion(tx, client),
      await isBarred(tx, key),
    ]);
    if (!isSame) return failed('The oauth client was changed meanwhile. Repeat.');
    if (hasLeft) return refused(leftDetail);
    const present = presence(await this.parts.grants.find(key));
    return present ?? { status: 'valid', detail: 'It would be verified by a refresh and stored.' };
  }

  async run(plan: PlannedImport, by: Importer): Promise<ImportOutcome> {
    const { issuerId, subject, oauthClientId, partition } = plan.key;
    const name = JSON.stringify([issuerId, subject, oauthClientId, partition]);
    const lock = await this.parts.locks.tryLock(`import/${name}`);
    // Two that use one token would look like a theft to a provider that replaces used tokens.
    if (lock === undefined)
      return failed('Another call imports it now. Look again when it is over.');
    try {
      const foreseen = await this.foresee(plan);
      if (foreseen.status !== 'valid') return foreseen;
      const outcome = await this.#take(plan, by);
      if (outcome.status === 'refused') await this.#recordRefusal(plan, by, outcome.detail);
      return outcome;
    } finally {
      await lock.release();
    }
  }

  async #take(plan: PlannedImport, by: Importer): Promise<ImportOutcome> {
    const { item } = plan;
    const provider = this.parts.providers.of(plan.client);
    const answer = await this.#refreshed(plan, provider);
    if (!answer.ok) return refusalOf(answer, plan.client.document.slug);
    const account = await accountOf(provider, answer.tokens);
    // Row 13: of an account that was connected before, only who names the other one means it.
    const meant = item.account ?? (await this.parts.grants.find(plan.key))?.account;
    if (account && meant && account.subject !== meant.subject)
      return refused(
        `The token is of another account at the provider than ${item.account ? 'the item says' : 'the one that was connected; name it as account if it is right'}; nothing was stored. It has been used once, so it may be good no more.`,
      );
    const tokens: TokenSet = {
      ...answer.tokens,
      // RFC 6749 §6: an answer may leave the token out; then the old one stays valid.
      refreshToken: answer.tokens.refreshToken ?? item.refreshToken,
      scopes: answer.tokens.scopes.length > 0 ? answer.tokens.scopes : plan.scopes,
    };
    try {
      return await this.#store(plan, { tokens, account: account ?? stated(plan) }, by);
    } catch (error) {
      if (!(error instanceof PersonLeft)) throw error;
      await provider.revoke(tokens.refreshToken ?? item.refreshToken, 'refresh_token');
      return refused(leftDetail);
    }
  }

  /** Beside all else that is in flight at the provider, over all replicas. */
  async #refreshed(
    { client, item, resource }: PlannedImport,
    provider: Provider,
  ): Promise<TokenResult> {
    const { id, document } = client;
    const room = { id, limit: document.maxConcurrentRequests ?? usualRequests };
    const target = resource === undefined ? {} : { resource };
    try {
      return await this.parts.slots.run(room, () => provider.refresh(item.refreshToken, target));
    } catch (error) {
      if (error instanceof ProviderRefused) return error.failure;
      throw error;
    }
  }

  async #store(plan: PlannedImport, brought: Brought, by: Importer): Promise<ImportOutcome> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.parts.database.transaction((tx) => this.#storeIn(tx, plan, brought, by));
      } catch (error) {
        if (tries === commitTries || error instanceof PersonLeft) throw error;
        await sleep(commitPauseMs);
      }
    }
  }

  async #storeIn(
    tx: Transaction,
    plan: PlannedImport,
    { tokens, account }: Brought,
    { actor, requestId }: Importer,
  ): Promise<ImportOutcome> {
    const { key, item, scopes, resource, client } = plan;
    // Row 34: the tokens are of the server that was asked, and would be sent to the one there is now.
    if (!(await isSameVersion(tx, client)))
      return failed(
        'The oauth client was changed meanwhile; nothing was stored. The token has been used once, so it may be good no more.',
      );
    // Somebody may have connected in the browser meanwhile, or the commit before went through unseen.
    const present = presence(await this.parts.store.lock(tx, key));
    if (present !== undefined) return present;
    const requested = { scopes, resource, importedBy: actor };
    const grant = await this.parts.grants.store(tx, key, tokens, account, requested);
    await this.#consent(tx, plan);
    await this.parts.audit.record(tx, {
      action: 'grant.imported',
      outcome: 'success',
      actor,
      requestId,
      target: { grantId: grant.id, ...targetOf(plan) },
      detail: {
        consentedApplications: item.consentedApplications,
        // Whose token it is there: that it is given to the right person here is the administrator's word alone.
        upstreamAccount: account?.subject ?? null,
      },
    });
    return { status: 'imported', detail: importedDetail(plan), grantId: grant.id };
  }

  /** The token was used: whoever tries tokens out leaves a trace, too. */
  async #recordRefusal(
    plan: PlannedImport,
    { actor, requestId }: Importer,
    reason: string,
  ): Promise<void> {
    const target = targetOf(plan);
    const detail = { reason };
    await this.parts.database.transaction((tx) =>
      this.parts.audit.record(tx, {
        ...{ action: 'grant.import_refused', outcome: 'refused', actor, requestId, target, detail },
      }),
    );
  }

  async #consent(tx: Transaction, { key, item, consent }: PlannedImport): Promise<void> {
    if (consent === undefined) return;
    const { issuerId, subject } = key;
    for (const application of new Set(item.consentedApplications))
      await this.parts.consents.record(
        tx,
        { issuerId, subject, application, consumer: 'gateway', upstreamId: consent.upstreamId },
        consent.scopes,
        consentLifetimeSeconds,
      );
  }
}

interface Brought {
  readonly tokens: TokenSet;
  readonly account: UpstreamAccount | undefined;
}

function targetOf({ item: { issuer, subject, oauthClient, upstream } }: PlannedImport) {
  return { issuer, subject, oauthClient, ...(upstream === undefined ? {} : { upstream }) };
}

/** Undefined where there is room for an import. */
function presence(grant: GrantView | undefined): ImportOutcome | undefined {
  if (grant === undefined || grant.status === 'needs_consent') return undefined;
  if (grant.status === 'revoked')
    return refused(
      'This connection was ended here. Only the person can make it anew, by connecting again.',
    );
  return {
    status: 'exists',
    detail: 'It is connected already; nothing was changed.',
    grantId: grant.id,
  };
}

// A profile that does not come must not lose the token that has come.
async function accountOf(
  provider: Provider,
  tokens: TokenSet,
): Promise<UpstreamAccount | undefined> {
  return tokens.account ?? (await provider.account(tokens).catch(() => undefined));
}

function stated({ item: { account } }: PlannedImport): UpstreamAccount | undefined {
  return account && { subject: account.subject, name: account.name };
}

function importedDetail({ scopes, consent }: PlannedImport): string {
  const missing = consent?.scopes.filter((scope) => !scopes.includes(scope)) ?? [];
  return missing.length === 0
    ? 'Verified by a refresh and stored.'
    : `Verified by a refresh and stored. The next call asks the person for what is missing: ${missing.join(' ')}.`;
}

function refusalOf(failure: ProviderFailure, oauthClient: string): ImportOutcome {
  if (failure.code === 'invalid_grant')
    return refused(
      'The provider does not accept this refresh token (invalid_grant): it has ended, was used before, or belongs to another client.',
    );
  if (failure.code === 'misconfigured')
    return {
      ...failed(
        `The provider refuses our registration; the token was not used up. Correct oauth client "${oauthClient}" and repeat.`,
      ),
      halts: 'misconfigured',
    };
  return {
    ...failed('The provider gave no usable answer. Repeat later; the token may still be good.'),
    halts: 'unanswered',
  };
}

function refused(detail: string): ImportOutcome {
  return { status: 'refused', detail };
}

function failed(detail: string): ImportOutcome {
  return { status: 'failed', detail };
}
