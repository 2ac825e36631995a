import type { RegistryRow } from './registry-row.js';

/** A strong entity tag (RFC 9110 §8.8.3); a resource made anew under an old slug has another. */
export function entityTag(row: RegistryRow): string {
  return `"${row.id.slice(0, 8)}.${row.version}"`;
}

/** RFC 9110 §13.1.1: strong comparison, so a weak tag never matches. */
export function matchesEntityTag(condition: string, row: RegistryRow): boolean {
  const tags = condition.split(',').map((tag) => tag.trim());
  return tags.includes('*') || tags.includes(entityTag(row));
}
