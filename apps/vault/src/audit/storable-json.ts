// As JSON.stringify writes U+0000 and halves of surrogate pairs.
const suspicious = /\\u(0000|d[89a-f])/;

/**
 * JSON that Postgres takes as jsonb. It refuses U+0000 and lone surrogates, and one text of a stranger's must not
 * keep the records of others from being written: both become U+FFFD.
 */
export function storableJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!suspicious.test(text)) return text;
  return JSON.stringify(storable(value));
}

function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [storableText(name), storable(member)]),
  );
}

function storableText(text: string): string {
  return text.replaceAll(/\0|\p{Surrogate}/gu, '\uFFFD');
}
