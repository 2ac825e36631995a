import { ScimRefusal } from './scim-refusal.js';
import { userSchema } from './scim-user.js';

/** What a list is narrowed to; all of it must hold. */
export interface UserFilter {
  readonly id?: string;
  /** Without regard to case (RFC 7643 §4.1.1). */
  readonly userName?: string;
  readonly externalId?: string;
  readonly active?: boolean;
}

const attributes = {
  id: 'id',
  username: 'userName',
  externalid: 'externalId',
  active: 'active',
} as const;

const comparison = /^\s*([\w:.$-]+)\s+eq\s+("(?:[^"\\]|\\.)*"|true|false)\s*(?:and\s+|$)/i;

/** The part of RFC 7644 §3.4.2.2 that Entra and Okta use: `eq` on what is kept, joined by `and`. Throws ScimRefusal. */
export function readFilter(text: string): UserFilter {
  let filter: UserFilter = {};
  let rest = text;
  do {
    const found = comparison.exec(rest);
    if (!found) throw invalid();
    const [whole, path = '', value = ''] = found;
    filter = { ...filter, ...condition(path, value, filter) };
    rest = rest.slice(whole.length);
    if (rest === '' && /and\s+$/i.test(whole)) throw invalid();
  } while (rest !== '');
  return filter;
}

function condition(path: string, literal: string, before: UserFilter): UserFilter {
  const prefix = `${userSchema}:`.toLowerCase();
  const lower = path.toLowerCase();
  const name = lower.startsWith(prefix) ? lower.slice(prefix.length) : lower;
  if (!isKnown(name)) throw invalid();
  const attribute = attributes[name];
  const value = valueOf(literal);
  if (attribute in before || (typeof value === 'boolean') !== (attribute === 'active'))
    throw invalid();
  return { [attribute]: value };
}

function isKnown(name: string): name is keyof typeof attributes {
  return Object.hasOwn(attributes, name);
}

function valueOf(literal: string): string | boolean {
  if (!literal.startsWith('"')) return literal.toLowerCase() === 'true';
  try {
    return String(JSON.parse(literal));
  } catch {
    throw invalid();
  }
}

function invalid(): ScimRefusal {
  return new ScimRefusal(
    400,
    'invalidFilter',
    'Filter by userName, externalId, id (eq "text") or active (eq true, eq false), each once, joined by and.',
  );
}
