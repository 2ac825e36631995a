/** One line of `POST /admin/v1/oauth-clients/{slug}/test`, in the order in which a connection would meet it. */
export interface OAuthClientCheck {
  readonly check:
    | 'template'
    | 'registration'
    | 'resource-metadata'
    | 'metadata'
    | 'endpoints'
    | 'scopes'
    | 'pkce'
    | 'offline-access'
    | 'iss-parameter'
    | 'pushed-authorization'
    | 'dpop'
    | 'revocation'
    | 'signing-keys'
    | 'metadata-document'
    | 'client-authentication'
    | 'redirect-uri'
    | 'consent';
  readonly status: 'pass' | 'fail' | 'needs-user';
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

type Name = OAuthClientCheck['check'];

export function pass(check: Name, detail: string): OAuthClientCheck {
  return { check, status: 'pass', detail };
}

export function fail(check: Name, detail: string, fix: string): OAuthClientCheck {
  return { check, status: 'fail', detail, fix };
}

/** Only a person, or the provider's own console, can tell. */
export function needsUser(check: Name, detail: string, fix: string): OAuthClientCheck {
  return { check, status: 'needs-user', detail, fix };
}
