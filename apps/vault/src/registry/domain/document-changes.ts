import { canonicalJson, isJsonObject, pointerOf } from './json.js';

/** One member that a change gives another value; `before` or `after` is left out where there is none. */
export interface DocumentChange {
  readonly pointer: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What differs between two documents, by pointer; arrays are compared as a whole. */
export function documentChanges(
  before: unknown,
  after: unknown,
  path: readonly string[] = [],
): DocumentChange[] {
  if (isJsonObject(before) && isJsonObject(after)) {
    const members = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return members.flatMap((member) =>
      documentChanges(before[member], after[member], [...path, member]),
    );
  }
  if (before === after || canonicalJson(before) === canonicalJson(after)) return [];
  return [
    {
      pointer: pointerOf(path),
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    },
  ];
}
