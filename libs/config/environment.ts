import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Bad configuration: `problems` lists everything that is wrong, one sentence each. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(readonly problems: readonly string[]) {
    super(['The configuration is not usable:', ...problems.map((p) => `  - ${p}`)].join('\n'));
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Parses `environment` by a schema whose keys are the variables' names. A variable may also be given as
 * `NAME_FILE`, the path of a file with its value. With `alsoKnown` (settings of other processes that may
 * share this environment) any other `SYMBOLON_` variable is an error: a typing mistake must not
 * silently mean a default.
 */
export function readEnvironment<S extends z.ZodObject>(
  schema: S,
  environment: Environment,
  alsoKnown?: readonly string[],
): Readonly<z.output<S>> {
  const problems: string[] = [];
  const values: Record<string, string | undefined> = {};
  for (const name of Object.keys(schema.shape)) values[name] = valueOf(name, environment, problems);
  if (alsoKnown)
    problems.push(...unknownNames(environment, [...Object.keys(schema.shape), ...alsoKnown]));
  const parsed = schema.safeParse(values);
  if (!parsed.success)
    for (const issue of parsed.error.issues)
      problems.push(`${issue.path.join('.')}: ${issue.message}`);
  if (problems.length > 0 || !parsed.success) throw new ConfigurationError(problems);
  return Object.freeze(parsed.data);
}

function unknownNames(environment: Environment, names: readonly string[]): string[] {
  const known = new Set(names);
  return Object.keys(environment)
    .filter((name) => name.startsWith('SYMBOLON_'))
    .filter((name) => !known.has(name) && !known.has(name.replace(/_FILE$/, '')))
    .map((name) => `${name} is not a setting of Symbolon. Remove it or correct its name.`);
}

function valueOf(name: string, environment: Environment, problems: string[]): string | undefined {
  const direct = environment[name];
  const file = environment[`${name}_FILE`];
  if (direct !== undefined && direct !== '' && file) {
    problems.push(`${name} and ${name}_FILE are both set. Keep one.`);
    return undefined;
  }
  if (!file) return direct === '' ? undefined : direct;
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    problems.push(`${name}_FILE: ${file} cannot be read (${code}).`);
    return undefined;
  }
}
