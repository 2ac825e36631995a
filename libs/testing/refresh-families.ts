import { randomBytes } from 'node:crypto';

/** How an authorization server treats a refresh token that was used. */
export type Rotation =
  /** A used one ends the whole family (RFC 9700 §4.14.2). */
  | { readonly kind: 'strict' }
  /** A used one works again for a while. */
  | { readonly kind: 'grace'; readonly graceMs: number }
  /** It never changes and is not repeated in the answer. */
  | { readonly kind: 'none' }
  /** It never changes, and every answer repeats it. */
  | { readonly kind: 'same' };

export interface RefreshFamily {
  readonly id: string;
  readonly subject: string;
  readonly clientId: string;
  readonly scope: string;
  readonly nonce?: string;
  revoked: boolean;
  /** Refreshes that succeeded. */
  refreshes: number;
  /** Refresh requests that came. */
  attempts: number;
  inFlight: number;
  /** How often a second refresh arrived while one was in flight; must stay 0 (promise R2). */
  overlaps: number;
  /** How often a refresh token came that had been used before: after a crash once, else never. */
  reuses: number;
  /** When the last refresh was answered, epoch milliseconds. */
  answeredAt: number;
}

interface IssuedRefreshToken {
  readonly family: RefreshFamily;
  usedAtMs?: number;
}

/** All refresh tokens that a test's authorization server has issued, by the grant they come from. */
export class RefreshFamilies {
  readonly #issued = new Map<string, IssuedRefreshToken>();
  readonly #families: RefreshFamily[] = [];

  /** Refreshes of all grants that are being answered now, and the most that ever were. */
  inFlight = 0;
  mostInFlight = 0;

  constructor(public rotation: Rotation) {}

  get all(): readonly RefreshFamily[] {
    return this.#families;
  }

  start(about: Pick<RefreshFamily, 'subject' | 'clientId' | 'scope' | 'nonce'>): RefreshFamily {
    const counters = {
      revoked: false,
      refreshes: 0,
      attempts: 0,
      inFlight: 0,
      overlaps: 0,
      reuses: 0,
    };
    const family = { id: randomBytes(6).toString('hex'), ...about, ...counters, answeredAt: 0 };
    this.#families.push(family);
    return family;
  }

  issue(family: RefreshFamily): string {
    const token = `rt_${family.id}_${randomBytes(16).toString('base64url')}`;
    this.#issued.set(token, { family });
    return token;
  }

  familyOf(token: string): RefreshFamily | undefined {
    return this.#issued.get(token)?.family;
  }

  /** A refresh has come; call what is returned when its connection ends. A careful client has one per grant. */
  arrive(token: string): () => void {
    const family = this.familyOf(token);
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    if (family) {
      family.attempts += 1;
      if (family.inFlight > 0) family.overlaps += 1;
      family.inFlight += 1;
    }
    return () => {
      this.inFlight -= 1;
      if (family) Object.assign(family, { inFlight: family.inFlight - 1, answeredAt: Date.now() });
    };
  }

  /** Uses a refresh token; undefined means invalid_grant. `next` is what the answer carries. */
  use(token: string): { family: RefreshFamily; next: string | undefined } | undefined {
    const issued = this.#issued.get(token);
    if (issued === undefined || issued.family.revoked) return undefined;
    if (issued.usedAtMs !== undefined) issued.family.reuses += 1;
    if (issued.usedAtMs !== undefined && !this.#toleratesReuse(issued.usedAtMs)) {
      issued.family.revoked = true;
      return undefined;
    }
    issued.family.refreshes += 1;
    return { family: issued.family, next: this.#next(token, issued) };
  }

  #next(token: string, issued: IssuedRefreshToken): string | undefined {
    if (this.rotation.kind === 'none') return undefined;
    if (this.rotation.kind === 'same') return token;
    issued.usedAtMs ??= performance.now();
    return this.issue(issued.family);
  }

  #toleratesReuse(usedAtMs: number): boolean {
    if (this.rotation.kind === 'strict') return false;
    return this.rotation.kind !== 'grace' || performance.now() - usedAtMs <= this.rotation.graceMs;
  }
}
