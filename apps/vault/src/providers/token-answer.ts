import type { ProviderFailure } from './provider.js';

/** The parts of an HTTP answer that decide; header names in lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string | null;
  readonly retryAfter: string | null;
  readonly body: string;
}

/** A token answer made regular: what is present is usable. */
export interface TokenAnswerBody {
  readonly access_token: string;
  readonly token_type: 'Bearer' | 'DPoP';
  /** Whole seconds, 1 to ten years. Absent where the server names none, or nonsense. */
  readonly expires_in?: number;
  readonly refresh_token?: string;
  readonly scope?: string;
  readonly id_token?: string;
}

const longestLifetime = 10 * 365 * 86_400;
const longestToken = 64 * 1024;
// RFC 6749 appendix A.12 also allows a space, which no header could carry unharmed.
const visible = /^[\x21-\x7e]+$/;

// RFC 6749 §5.2, RFC 8707 §2, OpenID Connect: what an administrator must put right.
const misconfigurations = new Set([
  'invalid_client',
  'invalid_client_metadata',
  'invalid_dpop_proof',
  'invalid_redirect_uri',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'redirect_uri_mismatch',
  'unauthorized_client',
  'unsupported_grant_type',
]);
// RFC 6749 §5.2 says 400 (401 for invalid_client); Auth0 says invalid_grant with 403.
const refusalStatuses = new Set([400, 401, 403]);

/**
 * What a token endpoint said. Careful in one direction: a successful answer may have rotated the refresh
 * token, so only an unusable access token makes it a failure; nonsense elsewhere in it is left out.
 */
export function judgeTokenAnswer(
  answer: HttpAnswer,
  now: number,
  acceptable: readonly TokenAnswerBody['token_type'][] = ['Bearer'],
): { readonly ok: true; readonly body: TokenAnswerBody } | ProviderFailure {
  const json = jsonObject(answer.body);
  if (answer.status < 200 || answer.status > 299) return judgeRefusal(answer, json, now);
  if (json === undefined)
    return transient(`${answer.status} without a JSON object (${mediaType(answer)})`);
  return judgeSuccess(json, acceptable);
}

/** Seconds to wait as RFC 9110 §10.2.3 says it: a number or a date; at most an hour. */
export function retryAfterSeconds(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const seconds = /^\d{1,9}$/.test(value.trim()) ? Number(value) : secondsUntil(value, now);
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 0), 3600) : undefined;
}

// Date.parse alone would read a year into nearly anything.
function secondsUntil(date: string, now: number): number {
  return date.endsWith(' GMT') ? Date.parse(date) / 1000 - now : NaN;
}

function judgeRefusal(
  answer: HttpAnswer,
  json: Record<string, unknown> | undefined,
  now: number,
): ProviderFailure {
  const error = typeof json?.error === 'string' ? json.error : undefined;
  const detail = `${answer.status} ${error === undefined ? mediaType(answer) : word(error)}`;
  if (error !== undefined && refusalStatuses.has(answer.status)) {
    if (error === 'invalid_grant') return { ok: false, code: 'invalid_grant', detail };
    if (misconfigurations.has(error)) return { ok: false, code: 'misconfigured', detail };
  }
  return transient(detail, retryAfterSeconds(answer.retryAfter, now));
}

function judgeSuccess(
  json: Record<string, unknown>,
  acceptable: readonly TokenAnswerBody['token_type'][],
): { readonly ok: true; readonly body: TokenAnswerBody } | ProviderFailure {
  const accessToken = json.access_token;
  if (typeof accessToken !== 'string' || accessToken === '')
    return transient(`200 without access_token${suffix(json.error)}`);
  if (!visible.test(accessToken) || accessToken.length > longestToken)
    return transient('200 with an access_token that no header can carry');
  // RFC 6749 §7.1: a token of a type we do not know must not be used. LinkedIn names none.
  const type = json.token_type ?? 'bearer';
  const named = typeof type === 'string' ? type.toLowerCase() : undefined;
  const tokenType = acceptable.find((one) => one.toLowerCase() === named);
  if (tokenType === undefined)
    return misconfigured(`200 with token_type ${word(type)}, which cannot be used`);
  const body: TokenAnswerBody = {
    access_token: accessToken,
    token_type: tokenType,
    expires_in: lifetime(json.expires_in),
    refresh_token: usableToken(json.refresh_token),
    scope: scope(json.scope),
    id_token: usableToken(json.id_token),
  };
  return { ok: true, body };
}

function lifetime(value: unknown): number | undefined {
  const seconds = typeof value === 'string' ? Number(value) : value;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 1) return undefined;
  return Math.floor(Math.min(seconds, longestLifetime));
}

function usableToken(value: unknown): string | undefined {
  const usable = typeof value === 'string' && visible.test(value) && value.length <= longestToken;
  return usable ? value : undefined;
}

function scope(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const tokens = value.split(/\s+/).filter((token) => visible.test(token));
  return tokens.length > 0 ? tokens.join(' ') : undefined;
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function mediaType({ contentType }: HttpAnswer): string {
  return word(contentType?.split(';')[0] ?? 'no content type');
}

function suffix(error: unknown): string {
  return typeof error === 'string' ? ` but error ${word(error)}` : '';
}

/** Something of the server's fit for a log line: short, and nothing that could be a token. */
function word(value: unknown): string {
  const text = typeof value === 'string' ? value : typeof value;
  return /^[\w ./+-]{1,60}$/.test(text) ? text : 'something unreadable';
}

function transient(detail: string, retryAfter?: number): ProviderFailure {
  const wait = retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter };
  return { ok: false, code: 'transient', detail, ...wait };
}

function misconfigured(detail: string): ProviderFailure {
  return { ok: false, code: 'misconfigured', detail };
}
