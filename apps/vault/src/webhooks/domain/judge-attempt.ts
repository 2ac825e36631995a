/** What a receiver answered, or why it answered nothing. */
export type AttemptAnswer =
  | { readonly status: number; readonly retryAfter: number | undefined }
  | { readonly error: string };

export type Verdict =
  | { readonly is: 'delivered' }
  /** 410: the receiver wants nothing more. */
  | { readonly is: 'gone' }
  | {
      readonly is: 'failed';
      readonly error: string;
      /** Seconds that the receiver asked for. */
      readonly retryAfter: number | undefined;
    };

/** Standard Webhooks, "Deliverability": 2xx delivers, 410 ends the endpoint, all else is tried again. */
export function judgeAttempt(answer: AttemptAnswer): Verdict {
  if ('error' in answer) return { is: 'failed', error: answer.error, retryAfter: undefined };
  const { status, retryAfter } = answer;
  if (status >= 200 && status < 300) return { is: 'delivered' };
  if (status === 410) return { is: 'gone' };
  const redirects = status >= 300 && status < 400;
  const error = redirects
    ? `The receiver answered ${status}. Redirects are not followed: register the final address.`
    : `The receiver answered ${status}.`;
  return { is: 'failed', error, retryAfter };
}
