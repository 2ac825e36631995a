import type { Clock } from '#lib/clock/clock';
import { Problem } from '#lib/problem/problem';
import type { AuditLog, AuditRecord } from '../audit/audit-log.js';
import type { Refusals } from '../audit/refusals.js';
import { PersonLeft } from '../bars/person-left.js';
import type { CompleteConsent } from '../connect/complete-consent.js';
import type { ConsentRequest, ConsentRequests } from '../connect/consent-requests.js';
import type { ConsentStores } from '../connect/consent-stores.js';
import { heldGrant } from '../connect/consent-requests.js';
import { isOtherAccount } from '../connect/domain/trip.js';
import { holdUnconfirmed } from '../connect/hold-unconfirmed.js';
import type { UnconfirmedAccount } from '../connect/postgres-unconfirmed-account-store.js';
import type { Transaction } from '../database/database.js';
import type { MachineClient } from '../registry/domain/machine-client.js';
import { readToken } from '../user-tokens/read-token.js';
import { type Handover, tokenError } from './handover.js';

export interface HandOverParts {
  readonly stores: ConsentStores;
  readonly requests: ConsentRequests;
  readonly completeConsent: CompleteConsent;
  readonly audit: AuditLog;
  readonly refusals: Refusals;
  readonly clock: Clock;
}

/** The backend of a company's page, and the interaction that it speaks of. */
export interface BackendCall {
  readonly client: MachineClient;
  readonly interactionId: string;
  readonly requestId: string;
}

const absent =
  'This client has no such interaction, or the person has not allowed it yet: send them to the link that they were given.';

/** Tokens from the company's own page, for requests that the person has signed in for and allowed here. */
export class HandOverToken {
  constructor(private readonly parts: HandOverParts) {}

  /** The request, once it is allowed and if its upstream is one of this client's; all else looks the same. */
  async find({ client, interactionId }: BackendCall): Promise<ConsentRequest> {
    const found = await this.parts.stores.interactions.byId(interactionId);
    // The person of the row: who they are the backend has to say, and is compared before anything is stored.
    const request = found && (await this.parts.requests.of(found, found));
    if (request === undefined || !isTheirs(request, client)) throw new Problem('not-found', absent);
    return request;
  }

  /** `confirming`: the person has to say on our page whether this other account is to take the old one's place. */
  async handOver(call: BackendCall, given: Handover): Promise<'completed' | 'confirming'> {
    const request = await this.find(call);
    if (!isSamePerson(request, given.subject)) throw await this.#stranger(call, request);
    if (request.interaction.status !== 'pending' || !request.needsTrip) throw over();
    const rules = { pattern: undefined, now: this.parts.clock.now(), expiresAt: given.expires_at };
    const read = readToken(given.token, rules);
    if ('fault' in read) {
      const errors = [tokenError(read.fault)];
      throw new Problem('validation-failed', 'The token cannot be kept.', { errors });
    }
    const account = given.account && { name: undefined, ...given.account };
    const brought = { tokens: read.token, account, scopes: [], resource: undefined };
    return this.#keep(call, request, brought);
  }

  async #keep(call: BackendCall, request: ConsentRequest, brought: UnconfirmedAccount) {
    const { version } = request.interaction;
    const held = request.grant && {
      status: heldGrant(request.grant).status,
      accountSubject: request.grant.account?.subject,
    };
    if (held && isOtherAccount(held, brought.account?.subject)) {
      const detail = { waits: 'for the person to say which account stays' };
      const record = (tx: Transaction) =>
        this.parts.audit.record(tx, { ...recordOf(call, request, 'success'), detail });
      if (!(await holdUnconfirmed(this.parts.stores, request, { version, brought, record })))
        throw over();
      return 'confirming';
    }
    if (!(await this.#complete(call, request, brought))) throw over();
    return 'completed';
  }

  async #complete(call: BackendCall, request: ConsentRequest, brought: UnconfirmedAccount) {
    const { stores, completeConsent, audit } = this.parts;
    const { requestId } = call;
    const { version } = request.interaction;
    try {
      return await stores.database.transaction(async (tx) => {
        const completion = { request, version, brought, requestId };
        if (!(await completeConsent.completeIn(tx, completion))) return false;
        await audit.record(tx, recordOf(call, request, 'success'));
        return true;
      });
    } catch (error) {
      if (error instanceof PersonLeft) return false;
      throw error;
    }
  }

  async #stranger(call: BackendCall, request: ConsentRequest): Promise<Problem> {
    const detail = { reason: 'another person' };
    await this.parts.refusals.note({ ...recordOf(call, request, 'refused'), detail });
    return new Problem(
      'forbidden',
      'The person whom you authenticated is not the one who allowed this. Nothing was stored.',
    );
  }
}

function isTheirs({ interaction, upstream, way }: ConsentRequest, client: MachineClient): boolean {
  if (way !== 'page' || interaction.allowedVersion !== interaction.version) return false;
  return client.upstreams !== '*' && client.upstreams.includes(upstream.document.slug);
}

// Byte for byte, as everywhere (row 29).
function isSamePerson(
  { interaction, issuer }: ConsentRequest,
  named: Handover['subject'],
): boolean {
  const { issuer: own, alsoIssuedAs } = issuer.document;
  return interaction.subject === named.subject && [own, ...alsoIssuedAs].includes(named.issuer);
}

function over(): Problem {
  return new Problem(
    'conflict',
    'This interaction has ended: a token was handed over, the person declined, or it took too long.',
  );
}

function recordOf(
  { client, requestId }: BackendCall,
  { interaction, issuer, upstream }: ConsentRequest,
  outcome: 'success' | 'refused',
): AuditRecord {
  return {
    action: 'external.token_handed_over',
    outcome,
    actor: { kind: 'machine', client: client.slug },
    target: {
      interaction: interaction.id,
      upstream: upstream.document.slug,
      issuer: issuer.document.slug,
      subject: interaction.subject,
    },
    requestId,
  };
}
