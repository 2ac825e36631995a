import type { Secret } from '#lib/secret/secret';

/**
 * Where a sign-in leads back to: one of our pages, by what it is about. A path or URL never comes from outside
 * (row 17). `link` is the secret of a connect link.
 */
export type ReturnTo =
  | { readonly page: 'connections' }
  /** A link that cannot be one: after signing in it is as unknown as before. */
  | { readonly page: 'nowhere' }
  | { readonly page: 'link'; readonly link: Secret }
  | { readonly page: 'interaction'; readonly id: string }
  /** A client waits for this sign-in. */
  | { readonly page: 'sign-in'; readonly id: string };

export interface LoginAttempt {
  readonly stateHash: Buffer;
  readonly browserHash: Buffer;
  readonly issuerId: string;
  readonly codeVerifier: Secret;
  readonly nonce: string;
  readonly returnTo: ReturnTo;
}

export const loginAttemptSeconds = 600;

export function pathOf(returnTo: ReturnTo): string {
  switch (returnTo.page) {
    case 'connections':
      return '/connections';
    case 'nowhere':
      return '/connect';
    case 'link':
      return `/connect/${returnTo.link.reveal()}`;
    case 'interaction':
      return `/requests/${returnTo.id}`;
    case 'sign-in':
      return `/sign-in/${returnTo.id}`;
  }
}
