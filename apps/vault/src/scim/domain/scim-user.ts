import { ScimRefusal } from './scim-refusal.js';

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';

/** The attributes that are kept; what else an identity provider sends is not stored. */
export interface ScimAttributes {
  readonly userName: string;
  readonly externalId: string | undefined;
  readonly active: boolean;
}

export interface ScimUser extends ScimAttributes {
  readonly id: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Which attribute holds what the issuer's tokens call the person. */
export type SubjectAttribute = 'externalId' | 'userName';

const longest = 500;

/** A body with its attribute names in lower case: RFC 7643 §2.1, they do not depend on it. Throws ScimRefusal. */
export function attributesOf(body: unknown, schema: string): ReadonlyMap<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new ScimRefusal(400, 'invalidSyntax', 'The body must be a JSON object.');
  const attributes = new Map(
    Object.entries(body).map(([name, value]) => [name.toLowerCase(), value] as const),
  );
  const schemas: unknown = attributes.get('schemas');
  if (schemas !== undefined && !(Array.isArray(schemas) && schemas.includes(schema)))
    throw new ScimRefusal(400, 'invalidSyntax', `schemas must hold ${schema}.`);
  return attributes;
}

/**
 * A user as POST and PUT send it. `before` is what it was: PUT replaces all, but a user that nobody calls active or
 * not stays as it is, so that a body without `active` brings nobody back. Throws ScimRefusal.
 */
export function readUser(body: unknown, before?: ScimAttributes): ScimAttributes {
  const attributes = attributesOf(body, userSchema);
  const active = attributes.get('active');
  return {
    userName: readUserName(attributes.get('username')),
    externalId: readExternalId(attributes.get('externalid')),
    active: active === undefined || active === null ? (before?.active ?? true) : readActive(active),
  };
}

export function readUserName(value: unknown): string {
  const text = readText('userName', value);
  if (text !== undefined) return text;
  throw new ScimRefusal(400, 'invalidValue', 'userName is required.');
}

/** RFC 7643 §2.5: null and absent are the same. */
export function readExternalId(value: unknown): string | undefined {
  return readText('externalId', value);
}

/** Entra sends texts: "True", "False". */
export function readActive(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'string' ? value.toLowerCase() : undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new ScimRefusal(400, 'invalidValue', 'active must be true or false.');
}

function readText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '' || value.length > longest)
    throw new ScimRefusal(
      400,
      'invalidValue',
      `${name} must be a text of 1 to ${longest} characters.`,
    );
  // U+0000 and halves of surrogate pairs, which Postgres cannot hold.
  if (/[\0\p{Cs}]/u.test(value))
    throw new ScimRefusal(400, 'invalidValue', `${name} holds what cannot be stored.`);
  return value;
}

/** What the issuer's tokens call this user. Throws ScimRefusal where it does not say. */
export function subjectOf(user: ScimAttributes, attribute: SubjectAttribute): string {
  const subject = user[attribute];
  if (subject !== undefined) return subject;
  throw new ScimRefusal(
    400,
    'invalidValue',
    `${attribute} is required: here it is the subject of the person's tokens. Map it, or have an administrator of Symbolon choose the other attribute.`,
  );
}

/** `base` is the service's own address, such as https://vault.example.com/scim/v2/corporate. */
export function presentUser(user: ScimUser, base: string): object {
  const { id, userName, externalId, active, createdAt, updatedAt } = user;
  return {
    schemas: [userSchema],
    id,
    ...(externalId === undefined ? {} : { externalId }),
    userName,
    active,
    meta: {
      resourceType: 'User',
      created: createdAt.toISOString(),
      lastModified: updatedAt.toISOString(),
      location: `${base}/Users/${id}`,
    },
  };
}
