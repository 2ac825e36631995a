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
 * `NAME_FILE`, the path of a file with its value. Throws a ConfigurationError that names all that is wrong.
 */
export function readEnvironment<S extends z.ZodObject>(
  schema: S,
  environment: Environment,
): Readonly<z.output<S>> {
  const problems: string[] = [];
  const values: Record<string, string | undefined> = {};
  for (const name of Object.keys(schema.shape)) values[name] = valueOf(name, environment, problems);
  const parsed = schema.safeParse(values);
  if (!parsed.success)
    for (const { path, message } of parsed.error.issues) {
      const name = path.join('.');
      problems.push(
        `${name}: ${values[name] === undefined ? required(schema, name, message) : message}`,
      );
    }
  if (problems.length > 0 || !parsed.success) throw new ConfigurationError(problems);
  return Object.freeze(parsed.data);
}

/**
 * The settings of `schema` as texts, those named by `NAME_FILE` read: what another process needs to run with the same
 * configuration, whatever becomes of the files. Throws as `readEnvironment` where one cannot be read.
 */
export function settledEnvironment(
  schema: z.ZodObject,
  environment: Environment,
): Readonly<Record<string, string>> {
  const problems: string[] = [];
  const values = Object.keys(schema.shape).flatMap((name) => {
    const value = valueOf(name, environment, problems);
    return value === undefined ? [] : [[name, value] as const];
  });
  if (problems.length > 0) throw new ConfigurationError(problems);
  return Object.fromEntries(values);
}

/** The schema's own sentence if it has one, else what the setting is for. */
function required(schema: z.ZodObject, name: string, message: string): string {
  if (!message.startsWith('Invalid input')) return message;
  const field: unknown = schema.shape[name];
  const purpose = field instanceof z.ZodType ? field.description : undefined;
  return purpose === undefined ? 'is required' : `is required: ${purpose}`;
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
