import { valueAt } from '../registry/domain/json.js';
import { isAllowedHost, matchesWhole } from '../templates/fill-template.js';
import type { Template } from '../templates/template.js';
import type { UpstreamAccount } from './token-set.js';

/** The parts of an HTTP answer that decide. */
export interface ProviderAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What a token answer told besides the tokens. */
export interface TokenAnswerExtras {
  readonly metadata: Readonly<Record<string, string>>;
  readonly account: UpstreamAccount | undefined;
}

/** A token answer as RFC 6749 §5 would have it; `extras` only of a successful one. */
export interface RegularAnswer {
  readonly response: Response;
  readonly extras: TokenAnswerExtras | undefined;
}

const longestKept = 500;

/** `now` in epoch seconds. */
export function regularTokenAnswer(
  template: Template,
  answer: ProviderAnswer,
  now: number,
): RegularAnswer {
  const json = jsonOf(answer.text);
  const headers = regularHeaders(template, answer, json, now);
  if (json === undefined)
    return {
      response: new Response(answer.text, { status: answer.status, headers }),
      extras: undefined,
    };
  const error = errorOf(template, answer.status, json);
  if (error !== undefined)
    return {
      response: Response.json({ error: error.code }, { status: error.status, headers }),
      extras: undefined,
    };
  const body = regularBody(template, json, now);
  return { response: Response.json(body, { headers }), extras: extrasOf(template, json) };
}

/** Whether an answer that is not about tokens says that it did what was asked. */
export function isDone({ token }: Template, { status, text }: ProviderAnswer): boolean {
  if (status < 200 || status > 299) return false;
  return !isErrorIn200(token, jsonOf(text));
}

/** Where a pointer leads to a text or a number; of several the first that does. */
export function textAt(json: unknown, pointers: readonly string[]): string | undefined {
  for (const pointer of pointers) {
    const value = valueAt(json, pointer.slice(1).split('/'));
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  }
  return undefined;
}

export function accountAt(
  json: unknown,
  where: { readonly subject: readonly string[]; readonly name: readonly string[] },
): UpstreamAccount | undefined {
  const subject = textAt(json, where.subject);
  if (subject === undefined) return undefined;
  return { subject, name: textAt(json, where.name)?.slice(0, 200) };
}

/** A value for the grant's metadata, if it is fit to be kept and leads nowhere else than it may. */
export function keptValue(
  value: string | undefined,
  rule: { readonly pattern?: string; readonly hosts?: readonly string[]; readonly equals?: string },
): string | undefined {
  if (value === undefined || value.length > longestKept) return undefined;
  if (rule.equals !== undefined && value !== rule.equals) return undefined;
  if (rule.pattern !== undefined && !matchesWhole(rule.pattern, value)) return undefined;
  return rule.hosts === undefined || leadsTo(value, rule.hosts) ? value : undefined;
}

export function jsonOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function leadsTo(address: string, hosts: readonly string[]): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username, password } = new URL(address);
  return protocol === 'https:' && username + password === '' && isAllowedHost(hostname, hosts);
}

// Row 39: what a server says while it is not well (5xx, 429) ends nothing, whatever it is called.
function errorOf(
  { token }: Template,
  status: number,
  json: unknown,
): { code: string; status: number } | undefined {
  const isOk = token.okStatus?.includes(status) ?? (status >= 200 && status <= 299);
  if (isOk && !isErrorIn200(token, json)) return undefined;
  const said = token.errorPaths.flatMap((pointer) => textAt(json, [pointer]) ?? []);
  const known = said.find((text) => Object.hasOwn(token.errors, text));
  const code = (known === undefined ? said[0] : token.errors[known]) ?? 'unknown_error';
  const isAway = status === 429 || status >= 500;
  return { code: isAway ? 'temporarily_unavailable' : code, status: isOk ? 400 : status };
}

function isErrorIn200({ errorIn200 }: Template['token'], json: unknown): boolean {
  if (errorIn200 === undefined) return false;
  const value = valueAt(json, errorIn200.pointer.slice(1).split('/'));
  return errorIn200.equals === undefined ? value !== undefined : value === errorIn200.equals;
}

function regularBody(template: Template, json: unknown, now: number): Record<string, unknown> {
  const { token } = template;
  const { paths } = token;
  return {
    access_token: textAt(json, paths.access_token),
    refresh_token: textAt(json, paths.refresh_token),
    id_token: textAt(json, paths.id_token),
    token_type: tokenType(token, textAt(json, paths.token_type)),
    scope: scopeOf(template, json),
    expires_in: lifetime(template, json, now),
  };
}

function tokenType({ bearerTypes, defaults }: Template['token'], said: string | undefined) {
  const type = said ?? defaults.token_type;
  return type !== undefined && bearerTypes.includes(type) ? 'Bearer' : type;
}

function scopeOf({ token, authorize }: Template, json: unknown): string | undefined {
  const separator = token.scopeSeparator ?? authorize.scopeSeparator;
  for (const pointer of token.paths.scope) {
    const value = valueAt(json, pointer.slice(1).split('/'));
    const list = Array.isArray(value)
      ? value
      : typeof value === 'string'
        ? value.split(separator)
        : [];
    const texts = list.filter((one): one is string => typeof one === 'string' && one !== '');
    if (texts.length > 0) return texts.join(' ');
  }
  return undefined;
}

function lifetime({ expiry }: Template, json: unknown, now: number): number | undefined {
  if (expiry.none) return undefined;
  const said = Number(textAt(json, expiry.field));
  if (!Number.isFinite(said)) return expiry.introspect ? undefined : expiry.assumeSeconds;
  const seconds = expiry.unit === 'milliseconds' ? said / 1000 : said;
  return expiry.format === 'at' ? seconds - now : seconds;
}

function extrasOf({ metadata, account }: Template, json: unknown): TokenAnswerExtras {
  const kept = Object.entries(metadata.tokenResponse).flatMap(([name, rule]) => {
    const value = keptValue(textAt(json, [rule.pointer]), rule);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    metadata: Object.fromEntries(kept),
    account: account?.from === 'tokenResponse' ? accountAt(json, account) : undefined,
  };
}

// The body is another than that which came, so nothing that describes it goes on.
function regularHeaders(
  { retry }: Template,
  { headers }: ProviderAnswer,
  json: unknown,
  now: number,
) {
  const regular = new Headers();
  const wait = headers.get('retry-after') ?? undefined;
  const own = retry.header === undefined ? undefined : (headers.get(retry.header) ?? undefined);
  const said = Number(
    own ?? (retry.pointer === undefined ? undefined : textAt(json, [retry.pointer])),
  );
  const seconds = retry.format === 'at' ? said - now : said;
  if (wait !== undefined) regular.set('retry-after', wait);
  else if (Number.isFinite(seconds))
    regular.set('retry-after', String(Math.max(Math.ceil(seconds), 0)));
  const type = headers.get('content-type');
  if (type !== null && json === undefined) regular.set('content-type', type);
  // RFC 9449 §8: the server's nonce for the next proof.
  const nonce = headers.get('dpop-nonce');
  if (nonce !== null) regular.set('dpop-nonce', nonce);
  return regular;
}
