/** What a client asks at the authorization endpoint, checked as far as the request alone allows. */
export interface AuthorizationRequest {
  readonly codeChallenge: string;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly reauthenticate: boolean;
}

/** RFC 6749 §4.1.2.1, RFC 8707 §2, OpenID Connect Core §3.1.2.6. */
export interface AuthorizationRefusal {
  readonly error:
    | 'invalid_request'
    | 'unsupported_response_type'
    | 'invalid_target'
    | 'request_not_supported'
    | 'request_uri_not_supported'
    | 'interaction_required'
    | 'unauthorized_client'
    | 'access_denied'
    | 'server_error';
  readonly description: string;
}

export type Parameters = Readonly<Record<string, string>>;

const maxLength = 4_000;

/** The parameters, each of which may come once (RFC 6749 §3.1); undefined where one comes twice. */
export function parametersOf(query: URLSearchParams): Parameters | undefined {
  const names = [...query.keys()];
  if (new Set(names).size !== names.length) return undefined;
  if ([...query.values()].some((value) => value.length > maxLength)) return undefined;
  return Object.fromEntries(query);
}

/** Everything but client, redirect URI and whether the resource exists. */
export function readAuthorizationRequest(
  form: Parameters,
): AuthorizationRequest | AuthorizationRefusal {
  const refusal = unsupported(form) ?? unproven(form);
  if (refusal) return refusal;
  const prompts = words(form['prompt']);
  if (prompts.includes('none'))
    return {
      error: 'interaction_required',
      description: 'Each sign-in asks the person.',
    };
  if (!prompts.every((prompt) => ['login', 'consent', 'select_account'].includes(prompt)))
    return invalid('prompt has a value that is not known.');
  if (form['resource'] === undefined)
    return { error: 'invalid_target', description: 'resource is missing (RFC 8707).' };
  return {
    codeChallenge: form['code_challenge'] ?? '',
    resource: form['resource'],
    scopes: words(form['scope']),
    reauthenticate: prompts.includes('login') || prompts.includes('select_account'),
  };
}

function unsupported(form: Parameters): AuthorizationRefusal | undefined {
  if (form['request'] !== undefined)
    return { error: 'request_not_supported', description: 'Request objects are not supported.' };
  if (form['request_uri'] !== undefined)
    return {
      error: 'request_uri_not_supported',
      description: 'Request objects are not supported.',
    };
  if (form['response_type'] === undefined) return invalid('response_type is missing.');
  if (form['response_type'] !== 'code')
    return { error: 'unsupported_response_type', description: 'response_type must be code.' };
  if ((form['response_mode'] ?? 'query') !== 'query')
    return invalid('response_mode must be query.');
  return undefined;
}

// RFC 7636 §4.2: the base64url of a SHA-256.
const challenge = /^[A-Za-z0-9_-]{43}$/;

function unproven(form: Parameters): AuthorizationRefusal | undefined {
  if (form['code_challenge_method'] !== 'S256')
    return invalid('code_challenge_method must be S256 (RFC 7636).');
  return challenge.test(form['code_challenge'] ?? '')
    ? undefined
    : invalid('code_challenge is missing or not the base64url of a SHA-256.');
}

function words(text = ''): string[] {
  return [...new Set(text.split(' ').filter((word) => word !== ''))];
}

function invalid(description: string): AuthorizationRefusal {
  return { error: 'invalid_request', description };
}
