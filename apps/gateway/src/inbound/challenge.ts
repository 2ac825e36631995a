/** RFC 6750 §3 with RFC 9728 §5.1; `error` absent where no token was sent. */
export interface Challenge {
  readonly error?: 'invalid_token' | 'insufficient_scope';
  readonly description?: string;
  readonly scopes: readonly string[];
  readonly resourceMetadata: string;
}

export function wwwAuthenticate(challenge: Challenge): string {
  const { error, description, scopes, resourceMetadata } = challenge;
  const parameters = [
    ...(error === undefined ? [] : [`error="${error}"`]),
    ...(description === undefined ? [] : [`error_description="${quotable(description)}"`]),
    `resource_metadata="${resourceMetadata}"`,
    ...(scopes.length === 0 ? [] : [`scope="${quotable(scopes.join(' '))}"`]),
  ];
  return `Bearer ${parameters.join(', ')}`;
}

// RFC 6750 §3: no quotes, no backslashes, nothing beyond printable ASCII.
function quotable(text: string): string {
  return text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '');
}
