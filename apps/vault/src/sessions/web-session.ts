/** A person of an issuer (row id), byte-exact. */
export interface SessionPerson {
  readonly issuerId: string;
  readonly subject: string;
}

/** A signed-in browser. `hash` is of the cookie's value, which is stored nowhere. */
export interface WebSession extends SessionPerson {
  readonly hash: Buffer;
  readonly displayName: string;
  readonly account: string;
  readonly csrfToken: string;
}

export const sessionLifetimeSeconds = 8 * 60 * 60;
export const sessionIdleSeconds = 30 * 60;

/** Whether two are one person: same issuer row, same bytes of subject. Nothing is folded or trimmed. */
export function isSamePerson(one: SessionPerson, other: SessionPerson): boolean {
  return one.issuerId === other.issuerId && one.subject === other.subject;
}
