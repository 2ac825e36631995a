/** The scopes that a call of this upstream needs: its own, else all of the oauth client's. */
export function requiredScopes(
  credential: { readonly scopes?: readonly string[] },
  oauthClient: { readonly scopes: readonly string[] },
): readonly string[] {
  return credential.scopes ?? oauthClient.scopes;
}
