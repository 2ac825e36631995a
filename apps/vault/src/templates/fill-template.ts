import type { FieldError } from '#lib/problem/problem';
import type { Template } from './template.js';

type Variables = Readonly<Record<string, string>>;

/** What a template comes to with these variables, or everything that is wrong with them. */
export type Filled =
  | { readonly ok: true; readonly template: Template }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** Pointers lead to the members of `variables` in an oauth client. */
export function fillTemplate(template: Template, given: Variables): Filled {
  const errors = [...unknownErrors(template, given), ...valueErrors(template, given)];
  if (errors.length > 0) return { ok: false, errors };
  const values = valuesOf(template, given);
  const { variables, quirks, register, scopesHint, ...protocol } = template;
  const filled = {
    variables,
    quirks,
    register,
    scopesHint,
    ...(fill(protocol, values) as typeof protocol),
  };
  const strays = strayErrors(template, filled);
  return strays.length > 0 ? { ok: false, errors: strays } : { ok: true, template: filled };
}

/** Every address of a template that the vault calls or sends a browser to, with the variable that decides on it. */
export function addressesOf(
  template: Template,
): readonly { readonly url: string; readonly variable: string | undefined }[] {
  const { issuer, endpoints, revoke, account, metadata } = template;
  const urls = [
    issuer,
    ...Object.values(endpoints ?? {}),
    revoke?.url,
    account?.from === 'request' ? account.url : undefined,
    ...metadata.postConnect.map(({ url }) => url),
  ];
  return urls
    .filter((url): url is string => url !== undefined)
    .map((url) => ({ url, variable: /\{(\w+)\}/.exec(url)?.[1] }));
}

/** Whether `name` is one of `hosts`: equal, below `*.`, or any for `*`. */
export function isAllowedHost(name: string, hosts: readonly string[]): boolean {
  const lower = name.toLowerCase();
  return hosts.some((host) =>
    host.startsWith('*.') ? lower.endsWith(host.slice(1)) : host === '*' || host === lower,
  );
}

/** The whole value against a pattern of a template. */
export function matchesWhole(pattern: string, value: string): boolean {
  return new RegExp(`^(?:${pattern})$`, 'u').test(value);
}

function valuesOf({ variables }: Template, given: Variables): Variables {
  const entries = Object.entries(variables).map(([name, { default: standard = '' }]) => [
    name,
    given[name] ?? standard,
  ]);
  return Object.fromEntries(entries) as Variables;
}

function fill(value: unknown, values: Variables): unknown {
  if (typeof value === 'string')
    return value.replaceAll(/\{(\w+)\}/g, (text, name: string) => values[name] ?? text);
  if (Array.isArray(value)) return value.map((inner) => fill(inner, values));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, fill(v, values)]));
}

function unknownErrors({ variables, name }: Template, given: Variables): FieldError[] {
  const known = Object.keys(variables);
  const takes = known.length > 0 ? `It takes ${known.join(', ')}` : 'It takes none';
  return Object.keys(given)
    .filter((variable) => !Object.hasOwn(variables, variable))
    .map((variable) => ({
      pointer: `/variables/${variable}`,
      code: 'unknown-field',
      detail: `The template ${name} has no such variable. ${takes}.`,
    }));
}

function valueErrors({ variables }: Template, given: Variables): FieldError[] {
  return Object.entries(variables).flatMap(([name, about]) => {
    const value = given[name] ?? about.default;
    const what = `${about.description} For example ${about.example}.`;
    const pointer = `/variables/${name}`;
    if (value === undefined) return [{ pointer, code: 'required', detail: `Is required: ${what}` }];
    if (matchesWhole(about.pattern, value)) return [];
    return [{ pointer, code: 'invalid-value', detail: `Is not what it must be: ${what}` }];
  });
}

// The pattern says what may be typed, this where it may lead: a slip in one must not open the other.
function strayErrors(template: Template, filled: Template): FieldError[] {
  const after = addressesOf(filled);
  const stray = new Map<string, readonly string[]>();
  for (const [index, { variable = '' }] of addressesOf(template).entries()) {
    const hosts = template.variables[variable]?.hosts;
    if (hosts !== undefined && !leadsTo(after[index]?.url ?? '', hosts)) stray.set(variable, hosts);
  }
  return [...stray].map(([variable, hosts]) => ({
    pointer: `/variables/${variable}`,
    code: 'host-not-allowed',
    detail: `The address would lead to another host than ${hosts.join(', ')}.`,
  }));
}

function leadsTo(address: string, hosts: readonly string[]): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname, username, password } = new URL(address);
  return username === '' && password === '' && isAllowedHost(hostname, hosts);
}
