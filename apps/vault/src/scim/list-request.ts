import { z } from 'zod';
import { mostResults } from './domain/discovery.js';
import { readFilter, type UserFilter } from './domain/scim-filter.js';
import { ScimRefusal } from './domain/scim-refusal.js';

const usualResults = 100;

// RFC 7644 §3.4.2.4: a value that is too small counts as the smallest. Of sorting and attributes nothing is offered.
const parameters = z.object({
  filter: z.string().min(1).max(2_000).optional(),
  startIndex: z.coerce.number().int().max(1_000_000_000).default(1),
  count: z.coerce.number().int().default(usualResults),
});

export interface ListRequest {
  readonly filter: UserFilter;
  /** From 1. */
  readonly startIndex: number;
  readonly count: number;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
// An id that nobody has.
const nobody = '00000000-0000-0000-0000-000000000000';

/** The query of a list. Throws ScimRefusal. */
export function readListRequest(query: unknown): ListRequest {
  const parsed = parameters.safeParse(query);
  if (!parsed.success)
    throw new ScimRefusal(
      400,
      'invalidValue',
      'filter must be one text; startIndex and count must be whole numbers.',
    );
  const { filter = '', startIndex, count } = parsed.data;
  const wanted = filter === '' ? {} : readFilter(filter);
  if (Object.values(wanted).some((value) => typeof value === 'string' && /[\0\p{Cs}]/u.test(value)))
    throw new ScimRefusal(400, 'invalidFilter', 'The filter holds what cannot be stored.');
  const id = wanted.id === undefined || uuid.test(wanted.id) ? wanted.id : nobody;
  return {
    filter: id === undefined ? wanted : { ...wanted, id },
    startIndex: Math.max(startIndex, 1),
    count: Math.min(Math.max(count, 0), mostResults),
  };
}
