import type { upstreamLimits } from '#lib/contract/egress-rules';
import type { z } from 'zod';

/** Which of an upstream's limits. */
export type LimitName = keyof z.output<typeof upstreamLimits>;

/** Why a call is not taken: a problem code of the catalogue, a public sentence and the fields that say when again. */
export interface Limited {
  readonly kind: 'limited';
  readonly limit: LimitName;
  readonly code: 'too-many-requests' | 'too-large' | 'headers-too-large';
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function limited(
  limit: LimitName,
  { code, detail, headers = {} }: Pick<Limited, 'code' | 'detail'> & Partial<Limited>,
): Limited {
  return { kind: 'limited', limit, code, detail, headers };
}
