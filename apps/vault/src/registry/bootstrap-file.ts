import { readFileSync } from 'node:fs';
import { Problem } from '#lib/problem/problem';
import { requestsOf } from './registry-document.js';
import { type BootstrapDocument, parseYaml, resolveReferences } from './secret-references.js';

/** Reads `SYMBOLON_BOOTSTRAP` with its secrets, before anything starts; what is wrong with it are sentences. */
export function readBootstrapFile(
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
): BootstrapDocument {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return { requests: [], problems: [`${path} cannot be read`] };
  }
  try {
    return resolveReferences(requestsOf(parseYaml(text)), path, environment);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const details = error.errors?.map(({ pointer, detail }) => `${pointer}: ${detail}`);
    return { requests: [], problems: details ?? [error.detail] };
  }
}
