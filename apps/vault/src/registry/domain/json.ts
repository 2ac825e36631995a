/** A JSON object as it came or as it is stored. */
export type JsonObject = { readonly [member: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 6901 pointer of a path of members and indexes. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (current, step) =>
      isContainer(current) && Object.hasOwn(current, step) ? current[step] : undefined,
    value,
  );
}

/** A copy without the member at `path`. */
export function without(object: JsonObject, path: readonly string[]): JsonObject {
  const [step, ...rest] = path;
  if (step === undefined || !Object.hasOwn(object, step)) return object;
  const { [step]: inner, ...others } = object;
  if (rest.length === 0) return others;
  return isJsonObject(inner) ? { ...object, [step]: without(inner, rest) } : object;
}

/** RFC 7396: members of the patch replace, objects merge, null removes. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const merged: Record<string, unknown> = isJsonObject(target) ? { ...target } : {};
  for (const [member, value] of Object.entries(patch)) {
    if (value === null) delete merged[member];
    else merged[member] = mergePatch(merged[member], value);
  }
  return merged;
}

/** Nesting of objects and arrays; a scalar has depth 0. */
export function isDeeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return limit === 0 || Object.values(value).some((inner) => isDeeperThan(inner, limit - 1));
}

/** Whether a text or name in it is one that Postgres cannot hold: with U+0000, or with half a surrogate pair. */
export function isUnstorable(value: unknown): boolean {
  if (typeof value === 'string') return /[\0\p{Cs}]/u.test(value);
  return isContainer(value) && Object.entries(value).flat().some(isUnstorable);
}

/** The same JSON text for equal documents, whatever the order of their members. */
export function canonicalJson(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) =>
    isJsonObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function isContainer(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null;
}
