import { ScimRefusal } from './scim-refusal.js';
import {
  attributesOf,
  readActive,
  readExternalId,
  readUserName,
  type ScimAttributes,
  userSchema,
} from './scim-user.js';

const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const mostOperations = 100;
const longestPath = 500;

type Change = Partial<{ -readonly [name in keyof ScimAttributes]: ScimAttributes[name] }>;

interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string | undefined;
  readonly value: unknown;
}

/** RFC 7644 §3.5.2 in the shapes of Entra and Okta; attributes that are not kept are passed over. Throws ScimRefusal. */
export function patchUser(before: ScimAttributes, body: unknown): ScimAttributes {
  const operations = attributesOf(body, patchSchema).get('operations');
  if (!Array.isArray(operations) || operations.length === 0 || operations.length > mostOperations)
    throw new ScimRefusal(
      400,
      'invalidSyntax',
      `Operations must be a list of 1 to ${mostOperations}.`,
    );
  let after = before;
  for (const operation of operations) after = { ...after, ...changeBy(readOperation(operation)) };
  return after;
}

function readOperation(given: unknown): Operation {
  if (typeof given !== 'object' || given === null)
    throw new ScimRefusal(400, 'invalidSyntax', 'An operation must be an object.');
  const members = new Map(
    Object.entries(given).map(([name, value]) => [name.toLowerCase(), value] as const),
  );
  const op: unknown = members.get('op');
  const path: unknown = members.get('path');
  // Entra writes Add, Replace, Remove.
  const known = typeof op === 'string' ? op.toLowerCase() : undefined;
  if (known !== 'add' && known !== 'replace' && known !== 'remove')
    throw new ScimRefusal(400, 'invalidSyntax', 'op must be add, replace or remove.');
  if (path !== undefined && path !== null && typeof path !== 'string')
    throw new ScimRefusal(400, 'invalidPath', 'path must be a text.');
  return { op: known, path: path ?? undefined, value: members.get('value') };
}

function changeBy({ op, path, value }: Operation): Change {
  if (path !== undefined) return op === 'remove' ? removed(path) : changed(path, value);
  if (op === 'remove') throw new ScimRefusal(400, 'noTarget', 'remove needs a path.');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ScimRefusal(400, 'invalidValue', 'Without a path, value must be an object.');
  let change: Change = {};
  for (const [name, member] of Object.entries(value))
    change = { ...change, ...changed(name, member) };
  return change;
}

function changed(path: string, value: unknown): Change {
  switch (attributeAt(path)) {
    case 'active':
      return { active: readActive(single(value)) };
    case 'username':
      return { userName: readUserName(single(value)) };
    case 'externalid':
      return { externalId: readExternalId(single(value)) };
    default:
      return {};
  }
}

function removed(path: string): Change {
  const attribute = attributeAt(path);
  if (attribute === 'externalid') return { externalId: undefined };
  if (attribute === 'username' || attribute === 'active')
    throw new ScimRefusal(400, 'invalidValue', `${path} cannot be removed, only replaced.`);
  return {};
}

// Older ones wrap the value: [{"value": "False"}].
function single(value: unknown): unknown {
  if (!Array.isArray(value) || value.length !== 1) return value;
  const [only] = value as unknown[];
  return typeof only === 'object' && only !== null && 'value' in only ? only.value : only;
}

const name = String.raw`[A-Za-z$][\w$-]*`;
const wellFormed = new RegExp(
  String.raw`^(?:(urn:[\w.:-]+):)?(${name})(\[[^\]]*\])?((?:\.${name})*)$`,
  'i',
);

/** The attribute in lower case; '' for one that is not kept. A path into one that is kept leads nowhere. */
function attributeAt(path: string): string {
  const found = path.length > longestPath ? null : wellFormed.exec(path);
  if (!found) throw new ScimRefusal(400, 'invalidPath', 'path is not one of RFC 7644 §3.5.2.');
  const [, schema, attribute = '', filter, parts] = found;
  if (schema !== undefined && schema.toLowerCase() !== userSchema.toLowerCase()) return '';
  if (!['active', 'username', 'externalid'].includes(attribute.toLowerCase())) return '';
  if (filter !== undefined || parts !== '')
    throw new ScimRefusal(400, 'invalidPath', `${attribute} has no parts.`);
  return attribute.toLowerCase();
}
