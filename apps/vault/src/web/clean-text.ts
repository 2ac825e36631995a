// Cc, line and paragraph separators, and everything that turns the direction of text or is invisible:
// a name must not be able to rewrite the sentence that it stands in.
const unprintable =
  /[\p{Cc}\p{Zl}\p{Zp}\u00AD\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u206F\uFEFF\uFFF9-\uFFFB]/gu;

/** Text that others chose, on one line of at most `maxLength` characters, without control and direction characters. */
export function cleanText(text: string, maxLength = 100): string {
  const line = text.replaceAll(unprintable, ' ').replaceAll(/\s+/g, ' ').trim();
  const characters = Array.from(line);
  return characters.length > maxLength ? `${characters.slice(0, maxLength - 1).join('')}…` : line;
}

/** For between quotation marks: a text must not end them itself and go on in our words. */
export function withoutQuotes(text: string): string {
  return text.replaceAll(/["“”„‟«»]/g, '’');
}
