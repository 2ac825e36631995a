/** A public client (RFC 6749 §2.1) as the authorization endpoint knows it. */
export interface SignInClient {
  readonly clientId: string;
  /** What it calls itself; nobody has checked it. */
  readonly name: string;
  readonly redirectUris: readonly string[];
}
