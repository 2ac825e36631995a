import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { addressesOf, isAllowedHost, matchesWhole } from './fill-template.js';
import { template, type Template } from './template.js';

const folder = new URL('catalogue/', import.meta.url);
/** What is filled in for each call, beside the variables. */
const ofTheCall = ['token', 'clientId'];

/** One template of its text. Throws Error that names the file and everything that is wrong. */
export function readTemplate(file: string, text: string): Template {
  const parsed = template.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new Error(
      `The template ${file} is not valid: ${parsed.error.issues
        .map(({ path, message }) => `/${path.join('/')} ${message}`)
        .join('; ')}`,
    );
  const faults = faultsOf(file, parsed.data);
  if (faults.length > 0) throw new Error(`The template ${file} is not valid: ${faults.join('; ')}`);
  return Object.freeze(parsed.data);
}

const templates: ReadonlyMap<string, Template> = new Map(
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => readTemplate(file, readFileSync(new URL(file, folder), 'utf8')))
    .map((one) => [one.name, one]),
);

/** Every template, by name. They are read and judged once, when the process starts. */
export function allTemplates(): readonly Template[] {
  return [...templates.values()];
}

export function templateNamed(name: string): Template | undefined {
  return templates.get(name);
}

function faultsOf(file: string, one: Template): string[] {
  const { name, variables } = one;
  const used = new Set(
    [...JSON.stringify({ ...one, variables: {} }).matchAll(/\{(\w+)\}/g)].map(([, word]) => word),
  );
  return [
    ...(name === basename(file, '.json') ? [] : ['its name is not that of the file']),
    ...Object.entries(variables).flatMap(([variable, about]) => [
      ...(used.has(variable) ? [] : [`${variable} is not used`]),
      ...(matchesWhole(about.pattern, about.example)
        ? []
        : [`the example of ${variable} is wrong`]),
    ]),
    ...addressesOf(one).flatMap(({ url }) => addressFaults(url, one)),
  ];
}

function addressFaults(url: string, { variables }: Template): string[] {
  const inHost = /^(?:https:\/\/)?[^/]*/.exec(url)?.[0] ?? '';
  return [...url.matchAll(/\{(\w+)\}/g)].flatMap(([, word = '']) => {
    const about = variables[word];
    if (about === undefined)
      return ofTheCall.includes(word) ? [] : [`${url} names ${word}, which is no variable`];
    if (!inHost.includes(`{${word}}`)) return [];
    if (about.hosts === undefined) return [`${word} decides on a host and names no hosts`];
    const { hostname } = new URL(url.replaceAll(`{${word}}`, about.example));
    return isAllowedHost(hostname, about.hosts) ? [] : [`${word} leads its example elsewhere`];
  });
}
