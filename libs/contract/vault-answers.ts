import { interactionRequired, oauthError, tokenAnswer } from './exchange.js';
import type { InteractionRequired, TokenAnswer } from './exchange.js';

/** The vault did not answer, or said it cannot now. `detail` is for the log. */
export interface VaultUnavailable {
  readonly kind: 'unavailable';
  readonly retryAfterSeconds: number;
  readonly detail: string;
}

/** What `POST /oauth2/token` came to. */
export type TokenOutcome =
  | { readonly kind: 'token'; readonly token: TokenAnswer }
  | { readonly kind: 'interaction'; readonly interaction: InteractionRequired }
  /** `invalid_request`: the vault does not take the caller's token. */
  | { readonly kind: 'invalid-subject-token'; readonly detail: string }
  /** `invalid_target`, `invalid_scope`, `invalid_client`, …: asking again will not help. */
  | { readonly kind: 'refused'; readonly error: string; readonly detail: string }
  | VaultUnavailable;

/** What became of a report. `not-taken`: the vault does not want it, now or later. */
export type ReportOutcome =
  | { readonly kind: 'taken'; readonly body: unknown }
  | { readonly kind: 'not-taken'; readonly detail: string }
  | VaultUnavailable;

/** An answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

const defaultRetryAfterSeconds = 2;
const maxRetryAfterSeconds = 300;

export function unavailable(detail: string, retryAfter?: string): VaultUnavailable {
  const seconds = Number(retryAfter);
  const usable = Number.isFinite(seconds) && seconds > 0;
  const retryAfterSeconds = usable
    ? Math.min(Math.ceil(seconds), maxRetryAfterSeconds)
    : defaultRetryAfterSeconds;
  return { kind: 'unavailable', retryAfterSeconds, detail };
}

/** The outcome of a token request (RFC 6749 §5, RFC 8693 §2.2). What is not understood is `unavailable`. */
export function tokenOutcome(answer: WireAnswer): TokenOutcome {
  const { status, retryAfter } = answer;
  if (status >= 500 || status === 429)
    return unavailable(`the vault answered ${status}`, retryAfter);
  const body = parsedJson(answer.body);
  if (status === 200) {
    const token = tokenAnswer.safeParse(body);
    if (token.success) return { kind: 'token', token: token.data };
    return unavailable('the vault answered 200 without a usable token');
  }
  return refusal(status, body);
}

/** The outcome of a report (gateway-reports). */
export function reportOutcome({ status, retryAfter, body }: WireAnswer): ReportOutcome {
  if (status === 200) return { kind: 'taken', body: parsedJson(body) };
  const detail = `the vault answered ${status}`;
  const passes = status >= 500 || status === 429 || status === 401;
  return passes ? unavailable(detail, retryAfter) : { kind: 'not-taken', detail };
}

function refusal(status: number, body: unknown): TokenOutcome {
  const interaction = interactionRequired.safeParse(body);
  if (interaction.success) return { kind: 'interaction', interaction: interaction.data };
  const parsed = oauthError.safeParse(body);
  if (!parsed.success) return unavailable(`the vault answered ${status} without an OAuth error`);
  const { error, error_description: detail = '' } = parsed.data;
  if (error === 'temporarily_unavailable') return unavailable(detail);
  if (error === 'invalid_request') return { kind: 'invalid-subject-token', detail };
  return { kind: 'refused', error, detail };
}

export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
