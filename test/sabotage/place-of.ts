import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Patch } from './patch.js';

export interface Place {
  readonly line: number;
  /** The file before and after. */
  readonly text: string;
  readonly patched: string;
}

/** Where a patch applies in the tree at `root`; throws unless that is exactly one place. */
export async function placeOf(root: string, { name, file, find, replace }: Patch): Promise<Place> {
  const text = await readFile(join(root, file), 'utf8');
  const [before = '', ...rest] = text.split(find);
  if (rest.length !== 1)
    throw new Error(`“${name}” applies ${rest.length} times to ${file}; it must be once.`);
  const patched = before + replace + rest.join('');
  return { line: before.split('\n').length, text, patched };
}
