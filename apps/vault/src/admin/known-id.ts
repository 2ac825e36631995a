import { z } from 'zod';
import { Problem } from '#lib/problem/problem';

/** An id from a path. What is no UUID is not there, as any other that is not: 404 with this sentence. */
export function knownId(id: string, absent: string): string {
  if (z.uuid().safeParse(id).success) return id;
  throw new Problem('not-found', absent);
}
