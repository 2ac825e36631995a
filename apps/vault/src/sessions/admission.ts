import type { ReturnTo } from './login-attempt.js';

/** What a visitor who has to sign in first was about to do. */
export interface Admission {
  readonly returnTo: ReturnTo;
  /** Another account is wanted: ask for the password even where a session exists. */
  readonly reauthenticate: boolean;
}
