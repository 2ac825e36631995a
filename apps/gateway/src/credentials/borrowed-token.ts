import { createHash } from 'node:crypto';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { TokenAnswer } from '#lib/contract/exchange';
import type { BorrowedCredential } from './credentials.js';
import type { Lease } from './leases.js';

/** A person's upstream token, ready to inject. Its value stands nowhere but in `header`. */
export class BorrowedToken implements BorrowedCredential {
  readonly kind = 'credential';
  readonly #token: string;
  readonly #lease: Lease | undefined;

  private constructor(
    readonly header: readonly [name: string, value: string],
    readonly grantId: string | undefined,
    token: string,
    lease: Lease | undefined,
  ) {
    this.#token = token;
    this.#lease = lease;
  }

  /** Undefined where the token cannot stand in a header. */
  static of(
    answer: TokenAnswer,
    inject: UpstreamConfig['inject'],
    lease?: Lease,
  ): BorrowedToken | undefined {
    const token = answer.access_token;
    if (!/^[\x21-\x7e]+$/.test(token)) return undefined;
    const value = inject.scheme === '' ? token : `${inject.scheme} ${token}`;
    return new BorrowedToken([inject.header.toLowerCase(), value], answer.grant_id, token, lease);
  }

  get revoked(): AbortSignal | undefined {
    return this.#lease?.signal;
  }

  equals(other: BorrowedToken): boolean {
    return this.#token === other.#token;
  }

  /** How the vault is told which token the upstream refused. */
  sha256(): string {
    return createHash('sha256').update(this.#token).digest('base64url');
  }
}
