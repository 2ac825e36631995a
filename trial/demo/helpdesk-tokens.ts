import { createHmac, timingSafeEqual } from 'node:crypto';

const people = ['alice', 'bob'] as const;
export type HelpdeskUser = (typeof people)[number];

/** Access tokens that people of the helpdesk make for themselves; the same after each start, because they are computed. */
export class HelpdeskTokens {
  constructor(private readonly key: string) {}

  all(): readonly { readonly user: HelpdeskUser; readonly token: string }[] {
    return people.map((user) => ({ user, token: this.#of(user) }));
  }

  /** undefined: no token of the helpdesk. */
  holderOf(token: string): HelpdeskUser | undefined {
    const sent = Buffer.from(token);
    return people.find((user) => {
      const own = Buffer.from(this.#of(user));
      return own.length === sent.length && timingSafeEqual(own, sent);
    });
  }

  #of(user: HelpdeskUser): string {
    const mac = createHmac('sha256', this.key).update(`helpdesk ${user}`).digest('hex');
    return `hd_${user}_${mac.slice(0, 32)}`;
  }
}
