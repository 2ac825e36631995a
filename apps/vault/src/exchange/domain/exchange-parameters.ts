import {
  accessTokenType,
  jwtTokenType,
  type ServicePurpose,
  servicePurposes,
} from '#lib/contract/exchange';

/** RFC 6749 §5.2: what the client is told. Fixed words; nothing of a token, nothing of another party. */
export interface OAuthRefusal {
  readonly error:
    | 'access_denied'
    | 'invalid_client'
    | 'invalid_grant'
    | 'invalid_request'
    | 'invalid_scope'
    | 'invalid_target'
    | 'temporarily_unavailable'
    | 'unsupported_grant_type';
  readonly description: string;
  /** Whom the token proved, for the record; never answered. */
  readonly caller?: Readonly<Record<'issuer' | 'subject' | 'application', string>>;
  readonly retryAfterSeconds?: number;
}

/** RFC 8693 §2.1 with the parameters of our own, as the client sent them. */
export interface ExchangeParameters {
  readonly subjectToken: string;
  readonly target: { readonly audience: string } | { readonly resource: string };
  readonly scopes: readonly string[];
  readonly interaction: 'create' | 'none';
  readonly interactionId: string | undefined;
  readonly rejectedSha256: Buffer | undefined;
  readonly clientInfoName: string | undefined;
  /** Where the service wants its person back once they have answered. */
  readonly returnUri: string | undefined;
}

type Form = Readonly<Record<string, string>>;

/** RFC 6749 §3.2: no parameter twice; one without a value counts as absent. */
export function parametersOnce(
  body: unknown,
): { readonly ok: true; readonly form: Form } | { readonly ok: false; refusal: OAuthRefusal } {
  if (typeof body !== 'object' || body === null)
    return refused('The parameters come as application/x-www-form-urlencoded.');
  const entries = Object.entries(body as Record<string, unknown>);
  if (entries.some(([, value]) => typeof value !== 'string'))
    return refused('A parameter is given more than once.');
  const given = entries.filter(([, value]) => value !== '') as [string, string][];
  return { ok: true, form: Object.fromEntries(given) };
}

/** Reads a token exchange request; what RFC 8693 allows and we do not offer is refused, not ignored. */
export function exchangeParameters(form: Form): ExchangeParameters | OAuthRefusal {
  const refusal = unsupported(form) ?? malformed(form);
  if (refusal) return refusal;
  const target = targetOf(form);
  if ('error' in target) return target;
  return {
    subjectToken: form.subject_token ?? '',
    target,
    scopes: [...new Set((form.scope ?? '').split(' ').filter(Boolean))],
    interaction: form.interaction === 'none' ? 'none' : 'create',
    interactionId: form.interaction_id,
    rejectedSha256: rejectedSha256(form),
    clientInfoName: form.client_info_name?.slice(0, 64).replaceAll(unstorable, ' '),
    returnUri: form.return_uri,
  };
}

/** RFC 6749 §4.4.2 with the parameters of our own: which upstream, and which of its credentials that are nobody's own. */
export interface ServiceParameters {
  readonly target: ExchangeParameters['target'];
  readonly purpose: ServicePurpose;
  readonly rejectedSha256: Buffer | undefined;
}

export function serviceParameters(form: Form): ServiceParameters | OAuthRefusal {
  if (form.subject_token !== undefined)
    return invalid('A credential that is nobody’s own is asked for without a subject_token.');
  if (form.scope !== undefined)
    return {
      error: 'invalid_scope',
      description:
        'The scopes of such a credential are those that its upstream is registered with.',
    };
  const { purpose: named = 'own' } = form;
  const purpose = servicePurposes.find((one) => one === named);
  if (purpose === undefined) return invalid(`purpose must be ${servicePurposes.join(', ')}.`);
  if (isMalformed(form)) return invalid(notSha256);
  const target = targetOf(form);
  return 'error' in target ? target : { target, purpose, rejectedSha256: rejectedSha256(form) };
}

function rejectedSha256({ rejected_token_sha256: given }: Form): Buffer | undefined {
  return given === undefined ? undefined : Buffer.from(given, 'base64url');
}

function isMalformed({ rejected_token_sha256: given }: Form): boolean {
  return given !== undefined && !sha256.test(given);
}

function unsupported(form: Form): OAuthRefusal | undefined {
  if (form.actor_token !== undefined || form.actor_token_type !== undefined)
    return invalid('An actor token is not supported.');
  if ((form.requested_token_type ?? accessTokenType) !== accessTokenType)
    return invalid('Only access tokens are handed out; refresh tokens never leave the vault.');
  return undefined;
}

// Lines and U+0000, which Postgres cannot hold, and halves of characters.
const unstorable = /[\p{Cc}\p{Cs}]/gu;
const notSha256 = 'rejected_token_sha256 must be the base64url of a SHA-256.';
const sha256 = /^[A-Za-z0-9_-]{43}$/;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function malformed(form: Form): OAuthRefusal | undefined {
  if (form.subject_token === undefined)
    return invalid('subject_token is missing: the access token of the person for whom this is.');
  if (form.subject_token_type !== accessTokenType && form.subject_token_type !== jwtTokenType)
    return invalid(`subject_token_type must be ${accessTokenType} or ${jwtTokenType}.`);
  if (form.interaction !== undefined && !['create', 'none'].includes(form.interaction))
    return invalid('interaction must be create or none.');
  if (form.interaction_id !== undefined && !uuid.test(form.interaction_id))
    return invalid('interaction_id is not an id that was handed out.');
  return isMalformed(form) ? invalid(notSha256) : undefined;
}

function targetOf({
  audience,
  resource,
}: Form): { audience: string } | { resource: string } | OAuthRefusal {
  if (audience !== undefined && resource === undefined) return { audience };
  if (resource !== undefined && audience === undefined) return { resource };
  return invalid('Give exactly one of audience and resource.');
}

function refused(description: string) {
  return { ok: false, refusal: invalid(description) } as const;
}

function invalid(description: string): OAuthRefusal {
  return { error: 'invalid_request', description };
}
