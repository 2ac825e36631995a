import { z } from 'zod';
import { Problem } from '#lib/problem/problem';
import { isUnstorable } from '../registry/domain/json.js';
import type { SealedCursors } from './sealed-cursor.js';

const defaultLimit = 50;
const maxLimit = 200;

const paging = {
  limit: z.coerce.number().int().min(1).max(maxLimit).default(defaultLimit),
  cursor: z.string().max(2000).optional(),
};

export interface ListAnswer<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** Reads a query string strictly: a parameter that is not known must not seem to have worked. Throws Problem. */
export function readQuery<Shape extends z.ZodRawShape>(shape: Shape, query: unknown) {
  if (isUnstorable(query)) throw new Problem('invalid-request', 'The query holds U+0000.');
  const parsed = z.strictObject(shape).safeParse(query);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys : issue.path.map(String),
  );
  throw new Problem(
    'invalid-request',
    `The query is not valid: ${names.map((name) => JSON.stringify(name.slice(0, 60))).join(', ')}. Known here: ${Object.keys(shape).join(', ') || 'nothing'}.`,
  );
}

/** `limit`, `cursor` and the list's own filters. */
export function readListQuery<Shape extends z.ZodRawShape>(filters: Shape, query: unknown) {
  return readQuery({ ...filters, ...paging }, query);
}

/** `?dryRun=true` and nothing else. */
export function readDryRun(query: unknown): { readonly dryRun: boolean } {
  const { dryRun } = readQuery({ dryRun: z.enum(['true', 'false', '']).optional() }, query);
  return { dryRun: dryRun === 'true' || dryRun === '' };
}

export interface PageRequest {
  /** Name of the list and its filters: a cursor is good for nothing else. */
  readonly list: string;
  readonly limit: number;
}

/** One page out of up to `limit + 1` rows; the row too many tells that there is a next page. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  page: PageRequest,
  cursors: SealedCursors,
  item: { position: (row: Row) => string; present: (row: Row) => T },
): ListAnswer<T> {
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  const more = rows.length > page.limit && last !== undefined;
  return {
    items: shown.map((row) => item.present(row)),
    nextCursor: more ? cursors.seal(page.list, item.position(last)) : null,
  };
}

/** RFC 8288: the next page of the list at `url`, an absolute URL with its query. */
export function nextLink(url: URL, nextCursor: string): string {
  const next = new URL(url);
  next.searchParams.set('cursor', nextCursor);
  return `<${next.href}>; rel="next"`;
}
