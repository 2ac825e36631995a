import { createHash } from 'node:crypto';
import type { Clock } from '#lib/clock/clock';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { TokenAnswer } from '#lib/contract/exchange';
import { isExtraHeader, isHeaderText } from '#lib/contract/extra-headers';
import type { BorrowedCredential, Revocation } from './credentials.js';
import { DpopBinding } from './dpop-binding.js';
import { injected } from './injected.js';
import type { Lease } from './leases.js';
import type { ProofMemory } from './proof-memory.js';

type Place = Pick<BorrowedCredential, 'header' | 'query'>;

/** Where the credential comes from, and what ends it. */
interface Origin {
  readonly grantId: string | undefined;
  readonly revocation: Revocation | undefined;
}

/** A person's upstream token, ready to inject. Its value stands nowhere but in `header` or `query`. */
export class BorrowedToken implements BorrowedCredential {
  readonly kind = 'credential';
  readonly grantId: string | undefined;
  readonly revocation: Revocation | undefined;
  // A pair is made when it is asked for: kept with each of a hundred thousand, it would cost more than all else here.
  readonly #name: string;
  readonly #value: string;
  readonly #isInQuery: boolean;

  private constructor(
    { header, query }: Place,
    { grantId, revocation }: Origin,
    readonly extra: readonly string[],
    readonly dpop: DpopBinding | undefined,
  ) {
    this.grantId = grantId;
    this.revocation = revocation;
    const [name, value] = query ?? header ?? ['', ''];
    this.#name = name;
    this.#value = value;
    this.#isInQuery = query !== undefined;
  }

  get header(): BorrowedCredential['header'] {
    return this.#isInQuery ? undefined : [this.#name, this.#value];
  }

  get query(): BorrowedCredential['query'] {
    return this.#isInQuery ? [this.#name, this.#value] : undefined;
  }

  /** Undefined where the token cannot stand in a header, or its key is not there. */
  static of(
    answer: TokenAnswer,
    inject: UpstreamConfig['inject'],
    proving: { readonly clock: Clock; readonly memory: ProofMemory },
    lease?: Lease,
  ): BorrowedToken | undefined {
    const { access_token: token, token_type: type } = answer;
    const isBound = type.toLowerCase() === 'dpop';
    if (!/^[\x21-\x7e]+$/.test(token) || isBound !== (answer.dpop !== undefined)) return undefined;
    // RFC 9449 §7.1: such a token stands in Authorization and nowhere else.
    if (isBound && inject.query !== undefined) return undefined;
    const dpop = answer.dpop && new DpopBinding(token, answer.dpop, proving);
    const place = dpop ? boundPlace(dpop) : injected(token, inject);
    const extra = extraOf(answer.headers, place.header?.[0]);
    // The text of the lease, which is there anyway.
    const grantId = lease?.grantId ?? answer.grant_id;
    return new BorrowedToken(place, { grantId, revocation: lease }, extra, dpop);
  }

  equals(other: BorrowedToken): boolean {
    return this.#token === other.#token;
  }

  /** It holds no space; before it may stand a scheme. */
  get #token(): string {
    return this.#value.slice(this.#value.lastIndexOf(' ') + 1);
  }

  /** How the vault is told which token the upstream refused. */
  sha256(): string {
    return createHash('sha256').update(this.#token).digest('base64url');
  }
}

function boundPlace({ bound }: DpopBinding): Place {
  return { header: ['authorization', bound], query: undefined };
}

const none: readonly string[] = [];

/** The vault checks them too; what frames a message or says who calls is the gateway's alone. */
function extraOf(headers: TokenAnswer['headers'], taken: string | undefined): readonly string[] {
  if (headers === undefined) return none;
  return Object.entries(headers).flatMap(([given, value]) => {
    const name = given.toLowerCase();
    return name !== taken && isExtraHeader(name) && isHeaderText(value) ? [name, value] : [];
  });
}
