import type { FastifyReply } from 'fastify';
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

/** `?dryRun=true` and nothing else. */
export function readDryRun(query: unknown): { readonly dryRun: boolean } {
  const { dryRun } = readQuery({ dryRun: z.enum(['true', 'false', '']).optional() }, query);
  return { dryRun: dryRun === 'true' || dryRun === '' };
}

/** What a list is called, and its own parameters beside `limit` and `cursor`. */
interface List<Wanted> {
  readonly name: string;
  readonly filters: { readonly [Name in keyof Wanted]: z.ZodType<Wanted[Name]> };
}

interface Exchange {
  readonly request: { readonly url: string; readonly query: unknown };
  readonly reply: FastifyReply;
}

interface Listing<Row, T, Wanted> {
  /** Up to `limit` rows after `position`, which is empty for the first page, of those that the filters leave. */
  readonly read: (position: string, limit: number, wanted: Wanted) => Promise<readonly Row[]>;
  readonly position: (row: Row) => string;
  readonly present: (row: Row) => T;
}

/** Pages of lists, with sealed cursors and a `Link` to the next one (RFC 8288). */
export class ListPages {
  constructor(
    private readonly cursors: SealedCursors,
    private readonly publicUrl: string,
  ) {}

  /** One row too many is read: it tells that there is a next page. Rejects with Problem. */
  async answer<Wanted, Row, T>(
    { name, filters }: List<Wanted>,
    { request, reply }: Exchange,
    { read, position, present }: Listing<Row, T, Wanted>,
  ): Promise<ListAnswer<T>> {
    const shape = { ...filters, ...paging };
    const { limit, cursor, ...wanted } = readQuery<typeof paging>(shape, request.query);
    // A cursor is good for nothing but the list and filters that it comes from.
    const list = `${name} ${JSON.stringify(wanted)}`;
    const after = cursor === undefined ? '' : await this.cursors.open(list, cursor);
    const rows = await read(after, limit + 1, wanted as Wanted);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const items = shown.map(present);
    if (rows.length <= limit || last === undefined) return { items, nextCursor: null };
    const nextCursor = this.cursors.seal(list, position(last));
    reply.header('link', nextLink(new URL(request.url, this.publicUrl), nextCursor));
    return { items, nextCursor };
  }
}

function nextLink(url: URL, nextCursor: string): string {
  const next = new URL(url);
  next.searchParams.set('cursor', nextCursor);
  return `<${next.href}>; rel="next"`;
}
