import { createHash } from 'node:crypto';

export interface IssuedValue {
  readonly kind: 'access_token' | 'refresh_token' | 'id_token' | 'code';
  readonly value: string;
  readonly sha256: string;
  /** Epoch seconds. */
  readonly issuedAt: number;
}

const keep = 5_000;

/** What a provider did since it started: counted for the tests, and every secret it issued, to search logs for. */
export class IssuedLog {
  readonly values: IssuedValue[] = [];
  /** Successful token requests by grant_type. */
  readonly succeeded: Record<string, number> = {};
  /** Refused ones, by `grant_type error`. */
  readonly refused: Record<string, number> = {};

  add(kind: IssuedValue['kind'], value: string): void {
    const sha256 = createHash('sha256').update(value).digest('hex');
    this.values.push({ kind, value, sha256, issuedAt: Math.floor(Date.now() / 1000) });
    if (this.values.length > keep) this.values.shift();
  }
}
