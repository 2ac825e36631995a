import { isExtraHeader, isHeaderText } from '#lib/contract/extra-headers';

type Texts = Readonly<Record<string, string>>;

/**
 * Headers that an API wants beside the token; `{grant.name}` is what its provider told when the person connected. One
 * that cannot be made, or must not be, is left out.
 */
export function extraHeaders(extra: Texts | undefined, metadata: Texts): { headers?: Texts } {
  const made = Object.entries(extra ?? {}).flatMap(([name, text]) => {
    const value = filled(text, metadata);
    return value !== undefined && isExtraHeader(name) && isHeaderText(value)
      ? [[name, value] as const]
      : [];
  });
  return made.length === 0 ? {} : { headers: Object.fromEntries(made) };
}

function filled(text: string, metadata: Texts): string | undefined {
  let isWhole = true;
  const value = text.replaceAll(/\{grant\.(\w+)\}/g, (_all, name: string) => {
    if (!Object.hasOwn(metadata, name)) isWhole = false;
    return metadata[name] ?? '';
  });
  return isWhole ? value : undefined;
}
