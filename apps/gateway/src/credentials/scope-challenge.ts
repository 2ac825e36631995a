const scopeSyntax = /(?:^|[\s,])scope="([\x20\x21\x23-\x5b\x5d-\x7e]{1,2000})"/i;
const errorSyntax = /(?:^|[\s,])error="?insufficient_scope"?(?:$|[\s,])/i;
const most = 50;

/**
 * The scopes that an upstream misses by its challenge (RFC 6750 §3.1 `insufficient_scope`): empty where it names
 * none, undefined where it says something else.
 */
export function missingScopes(
  status: number,
  header: string | readonly string[] | undefined,
): readonly string[] | undefined {
  if (status !== 403 && status !== 401) return undefined;
  const challenge = [header ?? []].flat().join(', ');
  if (!errorSyntax.test(challenge)) return undefined;
  const named = scopeSyntax.exec(challenge)?.[1]?.split(' ').filter(Boolean) ?? [];
  return [...new Set(named)].slice(0, most);
}
