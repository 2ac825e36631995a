/** The cookie by which a test server knows who sits at the browser; several may come at once. */
export const personCookie = 'test-person';

/** Whom a `Cookie` header names. */
export function personAt(cookies: string | undefined): string | undefined {
  return new RegExp(`(?:^|; )${personCookie}=([^;]+)`).exec(cookies ?? '')?.[1];
}
