/**
 * Where what came is not what was expected, by path; empty if it is. A string that begins with `^` is a pattern, an
 * object says what must be there among more, an array how its first items are.
 */
export function differences(expected: unknown, came: unknown, path = ''): readonly string[] {
  if (typeof expected === 'string' && expected.startsWith('^'))
    return typeof came === 'string' && new RegExp(expected).test(came) ? [] : [at(path, came)];
  if (expected === null || typeof expected !== 'object')
    return Object.is(expected, came) ? [] : [at(path, came)];
  if (came === null || typeof came !== 'object') return [at(path, came)];
  if (Array.isArray(expected) && expected.length === 0)
    return Array.isArray(came) && came.length === 0 ? [] : [at(path, came)];
  return Object.entries(expected).flatMap(([name, value]) =>
    differences(value, (came as Record<string, unknown>)[name], `${path}/${name}`),
  );
}

function at(path: string, came: unknown): string {
  return `${path}: ${JSON.stringify(came)?.slice(0, 300)}`;
}
